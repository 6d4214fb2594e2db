package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxSpec;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Where a sandbox lies: {@code <root>/<id>/} with {@code workspace}, {@code home}, {@code tmp} for its processes, {@code proc} with a
 * directory per process, {@code staging} for files that are being written, and {@code sandbox.json}, which is there as long as the sandbox is;
 * then it is {@code ended.json}, for as long as something is left.
 */
record SandboxDirectory(String id, Path path) {

  static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int ID_BYTES = 10;
  private static final int MOST_BYTES = 1 << 20;
  private static final String ID_PATTERN = "[0-9a-f]{" + 2 * ID_BYTES + "}";

  static String newId() {
    byte[] bytes = new byte[ID_BYTES];
    RANDOM.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  static boolean isId(String text) {
    return text.matches(ID_PATTERN);
  }

  Path workspace() {
    return path.resolve("workspace");
  }

  Path home() {
    return path.resolve("home");
  }

  Path temporary() {
    return path.resolve("tmp");
  }

  Path staging() {
    return path.resolve("staging");
  }

  Path facts() {
    return path.resolve("sandbox.json");
  }

  Path ended() {
    return path.resolve("ended.json");
  }

  ProcessDirectory process(String processId) {
    return new ProcessDirectory(processId, path.resolve("proc").resolve(processId));
  }

  /** Those that were launched and not cleared away. */
  List<ProcessDirectory> processes() throws IOException {
    List<ProcessDirectory> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(path.resolve("proc"))) {
      entries.forEach(entry -> found.add(new ProcessDirectory(entry.getFileName().toString(), entry)));
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    }
    return found;
  }

  void create(Facts facts) throws IOException {
    Files.createDirectory(path, OWNER_ONLY);
    for (String name : List.of("workspace", "home", "tmp", "proc", "staging")) {
      Files.createDirectory(path.resolve(name), OWNER_ONLY);
    }
    JsonObject json = new JsonObject().put("sessionId", facts.sessionId()).put("createdAt", facts.createdAt())
        .put("ignoredNames", new JsonArray(facts.ignoredNames())).put("creationId", facts.creationId());
    writeWhole(facts(), json.encodePrettily());
  }

  /** Nothing of it is used any more: one that is half removed must not be taken for one whose agent has deleted files. */
  void markEnded() throws IOException {
    if (Files.exists(facts())) {
      TreeRemover.remove(ended());
      Files.move(facts(), ended(), StandardCopyOption.ATOMIC_MOVE);
    }
  }

  /** @return empty if there is no such sandbox */
  Optional<Facts> readFacts() throws IOException {
    return read(facts());
  }

  /** As {@link #readFacts}, of one of which something is left as well. */
  Optional<Facts> readFactsOfRemains() throws IOException {
    Optional<Facts> known = readFacts();
    return known.isPresent() ? known : read(ended());
  }

  private static Optional<Facts> read(Path file) throws IOException {
    try {
      JsonObject json = new JsonObject(readWhole(file));
      List<String> ignored = json.getJsonArray("ignoredNames").stream().map(Object::toString).toList();
      return Optional.of(new Facts(json.getString("sessionId"), json.getLong("createdAt"), ignored, json.getString("creationId", "")));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (DecodeException | ClassCastException | NullPointerException e) {
      // It is there, and nobody can say whose: listed as nobody's it is found and ended.
      return Optional.of(new Facts("", Files.getLastModifiedTime(file).toMillis(), List.of(), ""));
    }
  }

  /**
   * What {@link #writeWhole} wrote, unless an agent, which may be the same user, has put something else there: then no more of it than it
   * could have been, and nothing of what is no file.
   */
  static String readWhole(Path file) throws IOException {
    if (!Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS).isRegularFile()) {
      return "";
    }
    try (InputStream bytes = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      return new String(bytes.readNBytes(MOST_BYTES), StandardCharsets.UTF_8);
    }
  }

  static void writeWhole(Path file, String text) throws IOException {
    Path part = file.resolveSibling(file.getFileName() + ".part");
    Files.writeString(part, text);
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** @param createdAt epoch milliseconds */
  record Facts(String sessionId, long createdAt, List<String> ignoredNames, String creationId) {
    static Facts of(SandboxSpec spec) {
      return new Facts(spec.sessionId(), System.currentTimeMillis(), spec.ignoredNames(), spec.creationId());
    }
  }
}
