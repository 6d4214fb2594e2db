package dev.agentruntime.session;

import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.protocol.WorkspaceFile.Encoding;
import io.vertx.core.buffer.Buffer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/** Which files of a session are told with their contents: small ones, while all of them together are not too much. */
final class InlineContents {

  private final Settings.Workspace settings;
  private final Map<String, Integer> inlined = new HashMap<>();
  private long inlinedBytes;

  InlineContents(Settings.Workspace settings) {
    this.settings = settings;
  }

  /** @param content {@code null} if it is not to be sent along */
  WorkspaceFile describe(String path, long size, long modifiedAt, Buffer content) {
    if (content == null || !fits(path, content.length())) {
      return new WorkspaceFile(path, size, modifiedAt, content != null && text(content) != null ? Encoding.UTF8 : Encoding.BASE64, null);
    }
    String text = text(content);
    return text == null
        ? new WorkspaceFile(path, size, modifiedAt, Encoding.BASE64, Base64.getEncoder().encodeToString(content.getBytes()))
        : new WorkspaceFile(path, size, modifiedAt, Encoding.UTF8, text);
  }

  /** Whether the content may be sent along; if so, it is counted. */
  private boolean fits(String path, int bytes) {
    release(path);
    if (bytes > settings.inlineFileBytes() || inlinedBytes + bytes > settings.inlineTotalBytes()) {
      return false;
    }
    inlined.put(path, bytes);
    inlinedBytes += bytes;
    return true;
  }

  /** It is not sent along any more. */
  void release(String path) {
    Integer bytes = inlined.remove(path);
    inlinedBytes -= bytes == null ? 0 : bytes;
  }

  /** @return {@code null} if the bytes are not text */
  private static String text(Buffer content) {
    byte[] bytes = content.getBytes();
    for (byte b : bytes) {
      if (b == 0) {
        return null;
      }
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return null;
    }
  }
}
