package dev.agentruntime.sandbox.modal;

import com.google.protobuf.ByteString;
import dev.agentruntime.sandbox.SandboxNeeds.SuppliedFile;
import dev.agentruntime.sandbox.modal.proto.ImageContextFile;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * A profile's files as the uppermost layer of an image: one file of the build's context, copied and unpacked, as Modal's Python SDK sends a
 * list of requirements (py/modal/_image.py, {@code pip_install_from_requirements}). Their folder is named after their content, so that other
 * files are another image, and a sandbox is known to have them or not.
 */
final class SuppliedFiles {

  /** Of the context, and then of the image. */
  private static final String PACKED = "/.agent-files.json";

  /** Arguments: the packed files, and the folder for them. */
  private static final String UNPACK = """
      const [packed, folder] = process.argv.slice(1); \
      for (const file of JSON.parse(fs.readFileSync(packed))) { \
      const place = path.join(folder, file.path); \
      fs.mkdirSync(path.dirname(place), { recursive: true }); \
      fs.writeFileSync(place, Buffer.from(file.content, "base64"), { mode: file.executable ? 0o755 : 0o644 }); \
      }""";

  private SuppliedFiles() {}

  /** @return {@code null} if there are none */
  static String folder(List<SuppliedFile> files) {
    return files.isEmpty() ? null : folder(packed(files));
  }

  static SandboxImage.Layer layer(List<SuppliedFile> files) {
    byte[] packed = packed(files);
    return new SandboxImage.Layer(List.of("COPY " + PACKED + " " + PACKED,
        "RUN node -e '" + UNPACK + "' " + PACKED + " " + folder(packed) + " && rm " + PACKED),
        List.of(ImageContextFile.newBuilder().setFilename(PACKED).setData(ByteString.copyFrom(packed)).build()));
  }

  private static byte[] packed(List<SuppliedFile> files) {
    JsonArray packed = new JsonArray();
    files.forEach(file -> packed.add(new JsonObject().put("path", file.path()).put("content", file.content().getBytes())
        .put("executable", file.executable())));
    return packed.toBuffer().getBytes();
  }

  private static String folder(byte[] packed) {
    try {
      return SandboxImage.NPM + "/" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(packed));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
