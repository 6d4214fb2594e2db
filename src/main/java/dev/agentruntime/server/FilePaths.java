package dev.agentruntime.server;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Paths of workspace files, as they stand in a URL. The workspace itself checks again, links included. */
final class FilePaths {

  private static final int MAX_BYTES = 4_096;

  private FilePaths() {}

  /**
   * @param encoded the part of the URL's path after {@code /files/}, percent-encoded
   * @throws ApiException {@code INVALID_REQUEST} if it is not a relative path of proper parts
   */
  static String decode(String encoded) {
    String path = percentDecoded(encoded);
    if (path.isEmpty()) {
      throw bad("is empty");
    }
    if (path.startsWith("/")) {
      throw bad("must be relative to the workspace");
    }
    if (path.indexOf('\\') >= 0) {
      throw bad("has a backslash; folders are separated by /");
    }
    if (path.chars().anyMatch(c -> c < 0x20 || c == 0x7f)) {
      throw bad("has a control character");
    }
    for (String part : path.split("/", -1)) {
      if (part.isEmpty() || part.equals(".") || part.equals("..")) {
        throw bad("has a part that is empty, . or ..");
      }
    }
    return path;
  }

  private static String percentDecoded(String encoded) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(encoded.length());
    for (int i = 0; i < encoded.length(); i++) {
      char c = encoded.charAt(i);
      if (c != '%') {
        // A byte as it came, of a client that does not encode what is not ASCII.
        bytes.write(c);
        continue;
      }
      int high = i + 2 < encoded.length() ? Character.digit(encoded.charAt(i + 1), 16) : -1;
      int low = high < 0 ? -1 : Character.digit(encoded.charAt(i + 2), 16);
      if (low < 0) {
        throw bad("is not percent-encoded correctly");
      }
      bytes.write(high << 4 | low);
      i += 2;
    }
    if (bytes.size() > MAX_BYTES) {
      throw bad("is longer than " + MAX_BYTES + " bytes");
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray())).toString();
    } catch (CharacterCodingException e) {
      throw bad("is not UTF-8");
    }
  }

  private static ApiException bad(String what) {
    return new ApiException(ErrorCode.INVALID_REQUEST, "The file's path " + what + ".");
  }
}
