package dev.agentruntime.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;

/** Text without half surrogate pairs, which have no UTF-8 form: each becomes U+FFFD. */
public final class WellFormed {

  private WellFormed() {}

  public static String text(String text) {
    StringBuilder fixed = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isSurrogate(c)) {
        continue;
      }
      if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else {
        fixed = fixed == null ? new StringBuilder(text) : fixed;
        fixed.setCharAt(i, '\uFFFD');
      }
    }
    return fixed == null ? text : fixed.toString();
  }

  /** Whether a line of JSON may hold half a pair at all: only an escape can spell one. */
  public static boolean suspect(byte[] line, int from, int to) {
    int at = from;
    for (; at + Long.BYTES <= to; at += Long.BYTES) {
      if (EightBytes.equal(EightBytes.at(line, at), '\\') != 0 && suspect(line, at, at + Long.BYTES, to)) {
        return true;
      }
    }
    return suspect(line, at, to, to);
  }

  private static boolean suspect(byte[] line, int from, int until, int to) {
    for (int i = from; i < until && i + 2 < to; i++) {
      if (line[i] == '\\' && line[i + 1] == 'u' && (line[i + 2] | 0x20) == 'd') {
        return true;
      }
    }
    return false;
  }

  /** The tree with all its texts and names well-formed; its own nodes are changed. */
  public static JsonNode tree(JsonNode node) {
    if (node.isTextual()) {
      String fixed = text(node.textValue());
      return fixed.equals(node.textValue()) ? node : TextNode.valueOf(fixed);
    }
    if (node instanceof ArrayNode array) {
      for (int i = 0; i < array.size(); i++) {
        array.set(i, tree(array.get(i)));
      }
      return array;
    }
    if (node instanceof ObjectNode object) {
      ObjectNode fixed = object.objectNode();
      object.properties().forEach(field -> fixed.set(text(field.getKey()), tree(field.getValue())));
      return fixed;
    }
    return node;
  }
}
