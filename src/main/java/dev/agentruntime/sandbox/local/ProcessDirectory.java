package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.local.Reaper.Keeper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What is kept of a process: {@code out} and {@code err}, the pipe {@code in}, {@code pid} (number and identity of its keeper), and
 * {@code exit} once it has ended.
 */
record ProcessDirectory(String id, Path path) {

  private static final Pattern KEEPER = Pattern.compile("(\\d{1,10}) (\\S+)\n");
  private static final Pattern CODE = Pattern.compile("\\d{1,3}\n");

  static final String OUT = "out";
  static final String EXIT = "exit";

  Path out() {
    return path.resolve(OUT);
  }

  Path err() {
    return path.resolve("err");
  }

  Path in() {
    return path.resolve("in");
  }

  private Path pid() {
    return path.resolve("pid");
  }

  void create() throws IOException {
    Files.createDirectory(path, SandboxDirectory.OWNER_ONLY);
    Files.createFile(out());
    Files.createFile(err());
  }

  void writeKeeper(Keeper keeper) throws IOException {
    SandboxDirectory.writeWhole(pid(), keeper.pid() + " " + (keeper.identity() == null ? "-" : keeper.identity()) + "\n");
  }

  /** @return empty if the process was never there, or its own agent has spoilt what was known of it */
  Optional<Keeper> readKeeper() throws IOException {
    try {
      Matcher keeper = KEEPER.matcher(SandboxDirectory.readWhole(pid()));
      return keeper.matches()
          ? Optional.of(new Keeper(Long.parseLong(keeper.group(1)), keeper.group(2).equals("-") ? null : keeper.group(2), false))
          : Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /** @return empty until the keeper has written all of it */
  OptionalInt exitCode() throws IOException {
    Path exit = path.resolve(EXIT);
    if (!Files.exists(exit)) {
      return OptionalInt.empty();
    }
    try {
      String text = SandboxDirectory.readWhole(exit);
      if (!text.endsWith("\n")) {
        return OptionalInt.empty();
      }
      return OptionalInt.of(CODE.matcher(text).matches() ? Integer.parseInt(text.strip()) : LocalProcess.UNKNOWN);
    } catch (NoSuchFileException e) {
      return OptionalInt.empty();
    }
  }

  /** The last bytes of a file of text. */
  static String tail(Path file, int maxBytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(size, maxBytes));
      long position = size - bytes.capacity();
      while (bytes.hasRemaining() && channel.read(bytes, position + bytes.position()) > 0) {
        continue;
      }
      return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
    }
  }
}
