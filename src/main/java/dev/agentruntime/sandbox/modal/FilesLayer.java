package dev.agentruntime.sandbox.modal;

import com.google.protobuf.ByteString;
import dev.agentruntime.sandbox.SuppliedFiles;
import dev.agentruntime.sandbox.modal.proto.ImageContextFile;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;

/**
 * A profile's files as the uppermost layer of an image: one file of the build's context, copied and unpacked, as Modal's Python SDK sends a
 * list of requirements (py/modal/_image.py, {@code pip_install_from_requirements}). Their folder is named after their content, so that other
 * files are another image, and a sandbox is known to have them or not.
 */
final class FilesLayer {

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

  private FilesLayer() {}

  /** @return {@code null} if there are none */
  static String folder(SuppliedFiles files) {
    return files.isEmpty() ? null : SandboxImage.NPM + "/" + files.digest();
  }

  static SandboxImage.Layer of(SuppliedFiles files) {
    return new SandboxImage.Layer(List.of("COPY " + PACKED + " " + PACKED,
        "RUN node -e '" + UNPACK + "' " + PACKED + " " + folder(files) + " && rm " + PACKED), () -> List.of(packed(files)));
  }

  private static ImageContextFile packed(SuppliedFiles files) {
    JsonArray packed = new JsonArray();
    files.contents().forEach(file -> packed.add(new JsonObject().put("path", file.path()).put("content", file.content().getBytes())
        .put("executable", file.executable())));
    return ImageContextFile.newBuilder().setFilename(PACKED).setData(ByteString.copyFrom(packed.toBuffer().getBytes())).build();
  }
}
