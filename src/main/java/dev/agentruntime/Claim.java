package dev.agentruntime;

import dev.agentruntime.config.Settings;
import dev.agentruntime.config.StoreUrl;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * That this process uses a data directory or a store's file, and no other does: two servers would end each other's sandboxes and take each
 * other's sessions. It is a lock on a file {@code claim} there, which the kernel frees however the process ends; the file says who has it.
 *
 * <p>A process that closes a file loses its locks on it, and does not meet its own. So what this process has claimed is kept here too, and
 * looked for before such a file is opened. Thread-safe; blocks.
 */
final class Claim implements AutoCloseable {

  static final String SERVER = "server";

  private static final Logger log = LoggerFactory.getLogger(Claim.class);
  private static final String FILE = "claim";
  private static final int MOST_BYTES = 512;
  private static final Path HOST = Path.of("/proc/sys/kernel/hostname");

  /** By the identity of the claim's file. */
  private static final Map<Object, Claim> HELD = new HashMap<>();

  /** Somebody else has it; says who. */
  static final class TakenException extends RuntimeException {
    private TakenException(String what, String user) {
      super(what + " is in use by " + user);
    }
  }

  /** How a file is locked. @return whether it is now */
  interface Locking {
    boolean lock(FileChannel file) throws IOException;
  }

  private static final Locking KERNEL = file -> file.tryLock() != null;

  private final Object key;
  private final FileChannel channel;
  private final String user;

  private Claim(Object key, FileChannel channel, String user) {
    this.key = key;
    this.channel = channel;
    this.user = user;
  }

  /** @throws TakenException if another server has it, and {@link UncheckedIOException} if it cannot be written to */
  static Claim onDataDirectory(Settings settings) {
    Path directory = settings.dataDir().toAbsolutePath().normalize();
    try {
      return take(Files.createDirectories(directory).resolve(FILE), "the data directory " + directory, SERVER, KERNEL);
    } catch (IOException e) {
      throw new UncheckedIOException("the data directory " + directory + " cannot be written to (choose another with AGENT_RUNTIME_DATA_DIR)", e);
    }
  }

  /**
   * @param purpose what it is used for, in a word
   * @return empty if the store is no file
   * @throws TakenException if another process has it, and {@link UncheckedIOException} if its folder cannot be written to
   */
  static Optional<Claim> onStore(Settings settings, String purpose) {
    if (!(settings.storeUrl() instanceof StoreUrl.Sqlite sqlite)) {
      return Optional.empty();
    }
    Path file = settings.dataDir().resolve(sqlite.path()).toAbsolutePath().normalize();
    try {
      Path folder = Files.createDirectories(file.getParent()).toRealPath();
      Path real = Files.exists(file) ? file.toRealPath() : folder.resolve(file.getFileName());
      return Optional.of(take(real.resolveSibling(real.getFileName() + "-" + FILE), "the store " + file, purpose, KERNEL));
    } catch (IOException e) {
      throw new UncheckedIOException("the folder of the store " + file + " cannot be written to (choose another with AGENT_RUNTIME_STORE_URL)", e);
    }
  }

  /**
   * @param what is claimed, in words
   * @param purpose what it is used for, in a word
   */
  static Claim take(Path file, String what, String purpose, Locking locking) throws IOException {
    synchronized (HELD) {
      create(file);
      Object key = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
      Claim held = HELD.get(key);
      if (held != null) {
        throw new TakenException(what, held.user);
      }
      Claim claim = locked(file, key, what, description(purpose), locking);
      HELD.put(key, claim);
      return claim;
    }
  }

  private static void create(Path file) throws IOException {
    try {
      Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    } catch (FileAlreadyExistsException e) {
      // of an earlier process
    }
  }

  private static Claim locked(Path file, Object key, String what, String user, Locking locking) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      if (!tryLock(channel, what, locking)) {
        throw new TakenException(what, read(channel));
      }
      channel.truncate(0);
      channel.write(ByteBuffer.wrap(user.getBytes(StandardCharsets.UTF_8)), 0);
      return new Claim(key, channel, user);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static boolean tryLock(FileChannel channel, String what, Locking locking) {
    try {
      return locking.lock(channel);
    } catch (IOException e) {
      log.warn("The file system of {} cannot lock files ({}): another server that uses it too will not be noticed", what, e.getMessage());
      return true;
    }
  }

  private static String read(FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(MOST_BYTES);
    channel.read(bytes, 0);
    // Between its lock and its words there is a moment.
    return bytes.position() == 0 ? "another process" : new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
  }

  private static String description(String purpose) throws IOException {
    String host = Files.isReadable(HOST) ? " on " + Files.readString(HOST).strip() : "";
    return "process " + ProcessHandle.current().pid() + host + " (" + purpose + ", since " + Instant.now().truncatedTo(ChronoUnit.SECONDS) + ")";
  }

  @Override
  public void close() {
    synchronized (HELD) {
      HELD.remove(key);
      try {
        channel.close();
      } catch (IOException e) {
        log.warn("A claim could not be given back", e);
      }
    }
  }
}
