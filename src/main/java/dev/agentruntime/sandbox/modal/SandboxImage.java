package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxNeeds;
import dev.agentruntime.sandbox.modal.proto.ImageContextFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What an image is made of: the base and the programs, which many profiles share, over it a profile's packages, and over these its files.
 * Everything of ours lies below {@link #BASE}; the image itself sets no variable, the supervisor does.
 */
record SandboxImage(List<Layer> layers) {

  /** Of ours, in every sandbox. */
  static final String BASE = "/agent";

  private static final String PARTS = BASE + "/image";

  /** From a program below it Node.js finds the packages, also those that are imported as modules. */
  static final String NPM = PARTS + "/npm";

  private static final String PROGRAMS = PARTS + "/programs";
  private static final String PYTHON = PARTS + "/python";

  /** What every process in a sandbox has, beside what the image sets. The supervisor puts {@code AGENT_PATH} before the search path. */
  static final Map<String, String> ENVIRONMENT = Map.of(
      "AGENT_PATH", PROGRAMS + "/node_modules/.bin:" + NPM + "/node_modules/.bin:" + PYTHON + "/bin",
      "NODE_PATH", NPM + "/node_modules",
      "PYTHONPATH", PYTHON);

  /** What an agent's tools expect of a machine, and what pip needs. */
  private static final List<String> SYSTEM_PACKAGES = List.of("ca-certificates", "coreutils", "git", "procps", "python3", "python3-pip",
      "ripgrep");

  SandboxImage {
    layers = List.copyOf(layers);
  }

  /** @param files that the commands may copy, and are known by them; made each time */
  record Layer(List<String> commands, Supplier<List<ImageContextFile>> files) {
    Layer {
      commands = List.copyOf(commands);
    }
  }

  /** Another for each other image, and small. */
  List<List<String>> key() {
    return layers.stream().map(Layer::commands).toList();
  }

  /** @param base of the settings */
  static SandboxImage of(SandboxNeeds needs, String base) {
    List<String> packages = new ArrayList<>(SYSTEM_PACKAGES);
    packages.addAll(needs.systemPackages());
    List<String> first = new ArrayList<>();
    first.add("FROM " + (needs.wishes().baseImage() == null ? base : needs.wishes().baseImage()));
    first.add("RUN apt-get update && apt-get install -y --no-install-recommends " + String.join(" ", packages)
        + " && rm -rf /var/lib/apt/lists/*");
    if (!needs.programs().isEmpty()) {
      first.add("RUN npm install --prefix " + PROGRAMS + " --no-audit --no-fund -- " + quoted(needs.programs()));
    }
    List<String> second = new ArrayList<>();
    if (!needs.npmPackages().isEmpty()) {
      second.add("RUN npm install --prefix " + NPM + " --no-audit --no-fund -- " + quoted(needs.npmPackages()));
    }
    if (!needs.pipPackages().isEmpty()) {
      second.add("RUN python3 -m pip install --no-input --disable-pip-version-check --no-cache-dir --target " + PYTHON + " -- "
          + quoted(needs.pipPackages()));
    }
    List<Layer> layers = new ArrayList<>();
    layers.add(new Layer(first, List::of));
    if (!second.isEmpty()) {
      layers.add(new Layer(second, List::of));
    }
    if (!needs.files().isEmpty()) {
      layers.add(FilesLayer.of(needs.files()));
    }
    return new SandboxImage(layers);
  }

  /** A version may have {@code >} or {@code *} in it. */
  private static String quoted(List<String> packages) {
    return String.join(" ", packages.stream().map(each -> "'" + each.replace("'", "'\\''") + "'").toList());
  }
}
