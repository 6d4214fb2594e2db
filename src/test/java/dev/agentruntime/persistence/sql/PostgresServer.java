package dev.agentruntime.persistence.sql;

import dev.agentruntime.support.FreePort;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.tukaani.xz.XZInputStream;

/**
 * A real PostgreSQL. Commits are not forced to the disk, which would be slow and which no test can tell: what dies here are processes.
 */
final class PostgresServer {

  static final String USER = "postgres";
  static final String PASSWORD = "p@ss:w/o?rd#%";

  private static final AtomicInteger DATABASES = new AtomicInteger();
  private static PostgresServer shared;

  final int port;
  final Path folder;
  final TestCertificate certificate;
  final DatabaseProcess process;

  private PostgresServer() throws Exception {
    Path home = DatabaseProcess.unpacked("postgresql", PostgresServer::unpack);
    folder = Files.createTempDirectory("pg");
    port = FreePort.find();
    Path passwordFile = Files.writeString(folder.resolve("password"), PASSWORD);
    Path data = folder.resolve("data");
    DatabaseProcess.run(DatabaseProcess.unprivileged(List.of(home.resolve("bin/initdb").toString(), "-D", data.toString(), "-U", USER,
        "-A", "scram-sha-256", "--pwfile=" + passwordFile, "-E", "UTF8", "--no-locale", "--no-sync")));
    certificate = TestCertificate.create(folder);
    process = new DatabaseProcess(folder, DatabaseProcess.unprivileged(List.of(home.resolve("bin/postgres").toString(), "-D", data.toString(),
        "-p", Integer.toString(port), "-h", "127.0.0.1", "-k", folder.toString(), "-c", "fsync=off", "-c", "max_connections=200", "-c", "ssl=on",
        "-c", "ssl_cert_file=" + certificate.certificate(), "-c", "ssl_key_file=" + certificate.key())),
        this::answers);
  }

  private static void unpack(Path into) throws Exception {
    Process tar = new ProcessBuilder("tar", "-x", "-C", into.toString()).inheritIO().redirectInput(ProcessBuilder.Redirect.PIPE).start();
    try (InputStream in = new XZInputStream(DatabaseProcess.resource("/postgres-linux-x86_64.txz")); OutputStream out = tar.getOutputStream()) {
      in.transferTo(out);
    }
    if (tar.waitFor() != 0) {
      throw new IllegalStateException("tar failed");
    }
  }

  /** One for all tests of this process; who stops it has one of its own. */
  static synchronized PostgresServer shared() throws Exception {
    if (shared == null) {
      shared = start();
    }
    return shared;
  }

  static PostgresServer start() throws Exception {
    PostgresServer server = new PostgresServer();
    server.process.start();
    return server;
  }

  private boolean answers() {
    try (Connection connection = connect("postgres")) {
      return connection.isValid(10);
    } catch (SQLException e) {
      return false;
    }
  }

  String jdbcUrl(String database) {
    return "jdbc:postgresql://127.0.0.1:" + port + "/" + database;
  }

  private Connection connect(String database) throws SQLException {
    return DriverManager.getConnection(jdbcUrl(database), USER, PASSWORD);
  }

  /** A new, empty database. */
  DatabaseServer newDatabase() throws SQLException {
    String name = "test_" + DATABASES.incrementAndGet();
    try (Connection connection = connect("postgres"); Statement statement = connection.createStatement()) {
      statement.execute("CREATE DATABASE " + name);
    }
    return database(name);
  }

  /** The same, as a setting has it. */
  String newDatabaseUrl() throws SQLException {
    return "postgresql://%s:%s@127.0.0.1:%d/%s".formatted(USER, URLEncoder.encode(PASSWORD, StandardCharsets.UTF_8), port, newDatabase().database());
  }

  private DatabaseServer database(String name) {
    return new DatabaseServer("127.0.0.1", port, name, USER, PASSWORD, DatabaseServer.Tls.PREFER, null, false, 6, 60_000);
  }
}
