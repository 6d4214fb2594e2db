package dev.agentruntime.persistence.sql;

import dev.agentruntime.support.FreePort;
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

/**
 * A real database server of the tests, in a folder of the moment, and the databases that are made in it. Commits are not forced to the disk,
 * which would be slow and which no test can tell: what dies here are processes.
 */
abstract class RealServer {

  static final String PASSWORD = "p@ss:w/o?rd#%";

  private static final AtomicInteger DATABASES = new AtomicInteger();

  final int port = FreePort.find();
  final Path folder;
  final TestCertificate certificate;
  private final String scheme;
  private final String user;
  private final String firstDatabase;
  private DatabaseProcess process;

  /**
   * @param scheme of its URLs
   * @param firstDatabase one that is always there, or empty to connect to none
   */
  RealServer(String scheme, String user, String firstDatabase) throws Exception {
    this.scheme = scheme;
    this.user = user;
    this.firstDatabase = firstDatabase;
    this.folder = Files.createTempDirectory(scheme);
    this.certificate = TestCertificate.create(folder);
  }

  /** Once, when it is installed. */
  final void run(List<String> command) throws Exception {
    process = new DatabaseProcess(folder, command, this::answers);
    process.start();
  }

  final DatabaseProcess process() {
    return process;
  }

  private boolean answers() {
    try (Connection connection = connect()) {
      return connection.isValid(10);
    } catch (SQLException e) {
      return false;
    }
  }

  final String jdbcUrl(String database) {
    return "jdbc:" + scheme + "://127.0.0.1:" + port + "/" + database;
  }

  private Connection connect() throws SQLException {
    return DriverManager.getConnection(jdbcUrl(firstDatabase), user, PASSWORD);
  }

  final void execute(String... statements) throws SQLException {
    try (Connection connection = connect(); Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  /** A new, empty database. */
  final DatabaseServer newDatabase() throws SQLException {
    String name = "test_" + DATABASES.incrementAndGet();
    execute("CREATE DATABASE " + name);
    return new DatabaseServer("127.0.0.1", port, name, user, PASSWORD, DatabaseServer.Tls.PREFER, null, false, 6, 60_000);
  }

  /** The same, as a setting has it. */
  final String newDatabaseUrl() throws SQLException {
    return url(user, PASSWORD, newDatabase().database());
  }

  /** As a setting has it. */
  final String url(String as, String password, String database) {
    return "%s://%s:%s@127.0.0.1:%d/%s".formatted(scheme, encoded(as), encoded(password), port, encoded(database));
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
