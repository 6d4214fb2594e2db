package dev.agentruntime.examples;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.protocol.Json;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/** Files under names of any kind: JSON documents, and bytes that have their name and time in front of them. For {@link FolderPersistence}. */
record Folder(Path path) {

  interface Work<T> {
    T run() throws IOException;
  }

  record Entry(String name, long modifiedAt, long start, long length) {}

  static synchronized <T> T alone(Work<T> work) {
    try {
      return work.run();
    } catch (IOException e) {
      throw new PersistenceException(Kind.UNAVAILABLE, "the store's folder cannot be used", e);
    }
  }

  /** Short, and no two names have the same. */
  static String fileName(String name) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(name.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  void put(String name, Object document) throws IOException {
    replace(path.resolve(fileName(name) + ".json"), Json.bytes(document));
  }

  <T> Optional<T> read(String name, Class<T> type) throws IOException {
    Path file = path.resolve(fileName(name) + ".json");
    return Files.exists(file) ? Optional.of(Json.MAPPER.readValue(Files.readAllBytes(file), type)) : Optional.empty();
  }

  <T> List<T> readAll(Class<T> type) throws IOException {
    List<T> all = new ArrayList<>();
    for (Path file : files(path, ".json")) {
      all.add(Json.MAPPER.readValue(Files.readAllBytes(file), type));
    }
    return all;
  }

  static <T> List<T> readEach(Path folders, String name, Class<T> type) throws IOException {
    List<T> all = new ArrayList<>();
    for (Path folder : files(folders, "")) {
      new Folder(folder).read(name, type).ifPresent(all::add);
    }
    return all;
  }

  void delete(String name) throws IOException {
    Files.deleteIfExists(path.resolve(fileName(name) + ".json"));
  }

  void put(String kind, String name, long modifiedAt, byte[] content) throws IOException {
    Path temporary = path.resolve(UUID.randomUUID() + ".new");
    try (RandomAccessFile file = new RandomAccessFile(temporary.toFile(), "rw")) {
      file.writeUTF(name);
      file.writeLong(modifiedAt);
      file.write(content);
    }
    Files.move(temporary, file(kind, name), StandardCopyOption.ATOMIC_MOVE);
  }

  /** @return -1 if there is none */
  long length(String kind, String name) throws IOException {
    return Files.exists(file(kind, name)) ? entry(file(kind, name)).length : -1;
  }

  void append(String kind, String name, byte[] bytes) throws IOException {
    if (length(kind, name) < 0) {
      put(kind, name, 0, bytes);
      return;
    }
    try (RandomAccessFile file = new RandomAccessFile(file(kind, name).toFile(), "rw")) {
      file.seek(file.length());
      file.write(bytes);
    }
  }

  byte[] read(String kind, String name, long offset, int length) throws IOException {
    Entry entry = entry(file(kind, name));
    long from = Math.min(offset, entry.length);
    byte[] bytes = new byte[(int) Math.min(length, entry.length - from)];
    try (RandomAccessFile file = new RandomAccessFile(file(kind, name).toFile(), "r")) {
      file.seek(entry.start + from);
      file.readFully(bytes);
    }
    return bytes;
  }

  List<Entry> list(String kind) throws IOException {
    List<Entry> entries = new ArrayList<>();
    for (Path file : files(path, "." + kind)) {
      entries.add(entry(file));
    }
    return entries;
  }

  void delete(String kind, String name) throws IOException {
    Files.deleteIfExists(file(kind, name));
  }

  /** The record first: what is left after a crash belongs to nobody, and goes with the next of that id. */
  void deleteAll() throws IOException {
    delete("record");
    for (Path file : files(path, "")) {
      Files.delete(file);
    }
  }

  private Path file(String kind, String name) {
    return path.resolve(fileName(name) + "." + kind);
  }

  private static Entry entry(Path path) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      String name = file.readUTF();
      long modifiedAt = file.readLong();
      return new Entry(name, modifiedAt, file.getFilePointer(), file.length() - file.getFilePointer());
    }
  }

  /** At once: a reader after a crash finds the old or the new. */
  private static void replace(Path file, byte[] bytes) throws IOException {
    Files.createDirectories(file.getParent());
    Path temporary = file.resolveSibling(UUID.randomUUID() + ".new");
    Files.write(temporary, bytes);
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static List<Path> files(Path folder, String suffix) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.getFileName().toString().endsWith(suffix)).toList();
    }
  }
}
