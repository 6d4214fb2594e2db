package dev.agentruntime.sandbox;

import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;

/**
 * Files that can lie in a sandbox from its making. Which they are is known by their digest; their contents, which may be large, are made when
 * somebody needs them and are not kept. Thread-safe.
 */
public final class SuppliedFiles {

  public static final SuppliedFiles NONE = new SuppliedFiles("", List::of);

  private final String digest;
  private final Supplier<List<SuppliedFile>> contents;

  /**
   * Without secrets: it is kept with what others may see.
   *
   * @param path relative, with {@code /} between its parts
   */
  public record SuppliedFile(String path, Buffer content, boolean executable) {}

  /**
   * @param digest {@linkplain #digestOf of} the contents
   * @param contents the same each time; called on any thread
   */
  public SuppliedFiles(String digest, Supplier<List<SuppliedFile>> contents) {
    this.digest = digest;
    this.contents = contents;
  }

  /** 64 hexadecimal digits, others for other files; empty for no file. */
  public static String digestOf(List<SuppliedFile> files) {
    if (files.isEmpty()) {
      return "";
    }
    try {
      MessageDigest all = MessageDigest.getInstance("SHA-256");
      for (SuppliedFile file : files) {
        byte[] path = file.path().getBytes(StandardCharsets.UTF_8);
        all.update(Buffer.buffer().appendInt(path.length).appendBytes(path).appendByte((byte) (file.executable() ? 1 : 0))
            .appendInt(file.content().length()).getBytes());
        all.update(file.content().getBytes());
      }
      return HexFormat.of().formatHex(all.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  public boolean isEmpty() {
    return digest.isEmpty();
  }

  public String digest() {
    return digest;
  }

  public List<SuppliedFile> contents() {
    return contents.get();
  }
}
