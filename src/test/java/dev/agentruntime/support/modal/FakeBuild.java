package dev.agentruntime.support.modal;

import dev.agentruntime.sandbox.modal.proto.ImageContextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A build of an image as the real one does it, as far as {@code COPY} of whole files and {@code RUN} go. Blocks. */
final class FakeBuild {

  private FakeBuild() {}

  static final class StepFailed extends IOException {
    private static final long serialVersionUID = 1;
    final int step;

    StepFailed(int step, IOException cause) {
      super(cause.getMessage(), cause);
      this.step = step;
    }
  }

  /**
   * @param below the files of the image that it begins with, or {@code null}
   * @return the files of the image
   * @throws StepFailed with what the command said
   */
  static Path run(FakeImages.Containers containers, FakeImages.FakeImage image, Path below, List<ImageContextFile> context) throws IOException {
    Path directory = containers.directory().resolve(image.id);
    Map<String, String> environment = new HashMap<>(Map.of("PATH", FakeSandbox.PATH));
    environment.putAll(image.environment);
    Path root = Files.createDirectories(directory.resolve("root"));
    if (below != null) {
      Container.copy(below, root);
    }
    Container container = containers.start(directory);
    try {
      for (int step = 0; step < image.commands.size(); step++) {
        String[] words = image.commands.get(step).strip().split("\\s+", 2);
        try {
          switch (words[0]) {
            case "COPY" -> copy(words[1].split("\\s+"), context, root);
            case "RUN" -> Container.finish(container.command(List.of("/bin/sh", "-c", words[1]), environment, "/"));
            default -> { }
          }
        } catch (IOException e) {
          throw new StepFailed(step, e);
        }
      }
    } finally {
      container.end();
    }
    return root;
  }

  private static void copy(String[] fromTo, List<ImageContextFile> context, Path root) throws IOException {
    ImageContextFile file = context.stream().filter(each -> each.getFilename().equals(fromTo[0])).findFirst()
        .orElseThrow(() -> new IOException(fromTo[0] + " is not in the build's context"));
    Path to = root.resolve(Path.of("/").relativize(Path.of(fromTo[1])));
    Files.createDirectories(to.getParent());
    Files.write(to, file.getData().toByteArray());
  }
}
