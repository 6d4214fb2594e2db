package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Vertx;
import io.vertx.mysqlclient.MySQLBatchException;
import io.vertx.mysqlclient.MySQLBuilder;
import io.vertx.mysqlclient.MySQLConnectOptions;
import io.vertx.mysqlclient.MySQLException;
import io.vertx.mysqlclient.SslMode;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.SqlConnection;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import javax.sql.DataSource;
import org.flywaydb.core.api.FlywayException;

/**
 * MySQL and MariaDB: stores of several machines.
 *
 * <p><b>What "saved" means here.</b> The transaction is committed: with the server's default, {@code innodb_flush_log_at_trx_commit=1}, its
 * log is on the server's disk, and it survives the death of this process, of the database server and of its machine.
 *
 * <p>The tables are in the database that is named, which has to be there and is Agent Runtime's own. Ids and names are bytes, because the
 * collations that do not take one spelling for another are named differently in MySQL and MariaDB.
 *
 * <p>Connections read what is committed ({@code READ COMMITTED}): under the default, appends of different sessions would lock the gaps
 * between their chunks against each other. Statements are prepared once per connection; appends that come together are one statement.
 */
public final class MysqlDialect implements SqlDialect {

  private static final List<String> SESSION = List.of(
      "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
      // What does not fit is refused and not cut off.
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'");

  private static final int CONNECT_TIMEOUT_MS = 10_000;

  private static final int DUPLICATE_KEY = 1062;
  private static final int NO_REFERENCED_ROW = 1452;
  private static final int NULL_KEY = 1048;
  private static final Set<Integer> REPEATABLE = Set.of(1205, 1213);

  private static final Map<Integer, String> CODES = Map.ofEntries(
      Map.entry(1021, "the database's disk is full"),
      Map.entry(1040, DatabaseFailure.NO_ROOM),
      Map.entry(1044, "the database's user may not do this"),
      Map.entry(1045, "the database refused the user's password"),
      Map.entry(1049, "there is no such database"),
      Map.entry(1053, DatabaseFailure.STOPPING),
      Map.entry(1142, "the database's user may not do this"),
      Map.entry(1153, "the database accepts no packet of that size (max_allowed_packet)"),
      Map.entry(1203, DatabaseFailure.NO_ROOM),
      Map.entry(1205, "the database took too long"),
      Map.entry(1226, DatabaseFailure.NO_ROOM),
      Map.entry(1290, "the database can only be read"),
      Map.entry(1698, "the database refused the user's password"));

  private final DatabaseServer server;

  public MysqlDialect(DatabaseServer server) {
    this.server = server;
  }

  @Override
  public void migrate() {
    try {
      new SchemaMigration(dataSource(), "mysql", null, timeoutMs()).run();
    } catch (SQLException | FlywayException e) {
      throw new PersistenceException(Kind.UNAVAILABLE, sentence(e), e);
    }
  }

  private DataSource dataSource() {
    if (server.tls() != DatabaseServer.Tls.PREFER) {
      return dataSource(server.tls());
    }
    DataSource encrypted = dataSource(DatabaseServer.Tls.REQUIRE);
    try {
      encrypted.getConnection().close();
      return encrypted;
    } catch (SQLException e) {
      return dataSource(DatabaseServer.Tls.DISABLE);
    }
  }

  private DataSource dataSource(DatabaseServer.Tls tls) {
    Properties options = new Properties();
    options.setProperty("database", server.database());
    options.setProperty("user", server.user());
    options.setProperty("password", server.password() == null ? "" : server.password());
    options.setProperty("connectTimeout", Integer.toString(CONNECT_TIMEOUT_MS));
    options.setProperty("sslMode", switch (tls) {
      case DISABLE, PREFER -> "disable";
      case REQUIRE -> "trust";
      case VERIFY_CA -> "verify-ca";
      case VERIFY_FULL -> "verify-full";
    });
    // MySQL's default way to log in needs one or the other: encryption, or the server's key for the password.
    options.setProperty("allowPublicKeyRetrieval", Boolean.toString(tls == DatabaseServer.Tls.DISABLE));
    if (server.isUnixSocket()) {
      options.setProperty("socketFactory", UnixSocketFactory.class.getName());
      options.setProperty(UnixSocketFactory.PATH_OPTION, server.host());
    }
    if (server.rootCertificate() != null) {
      options.setProperty("serverSslCert", server.rootCertificate().toString());
    }
    String host = server.isUnixSocket() ? "localhost" : server.host();
    return new MariaDbSource("jdbc:mariadb://address=(host=" + host + ")(port=" + server.port() + ")/", options);
  }

  @Override
  public Pool writers(Vertx vertx) {
    return pool(vertx, server.writers());
  }

  @Override
  public Pool readers(Vertx vertx) {
    return pool(vertx, server.readers());
  }

  private Pool pool(Vertx vertx, int size) {
    return MySQLBuilder.pool()
        .with(DatabaseServer.pool(size))
        .connectingTo(connectOptions())
        .withConnectHandler(connection -> prepare(connection, 0))
        .using(vertx)
        .build();
  }

  /** The connection goes to its pool when it is closed here. */
  private static void prepare(SqlConnection connection, int statement) {
    if (statement == SESSION.size()) {
      connection.close();
    } else {
      connection.query(SESSION.get(statement)).execute().onComplete(set -> prepare(connection, statement + 1));
    }
  }

  private MySQLConnectOptions connectOptions() {
    MySQLConnectOptions options = new MySQLConnectOptions()
        .setHost(server.host())
        .setPort(server.port())
        .setDatabase(server.database())
        .setUser(server.user())
        .setPassword(server.password() == null ? "" : server.password())
        .setCachePreparedStatements(true)
        .setPreparedStatementCacheSqlFilter(sql -> true);
    if (!server.isUnixSocket()) {
      options.setSslOptions(TlsTrust.options(server)).setSslMode(switch (server.tls()) {
        case DISABLE -> SslMode.DISABLED;
        case PREFER -> SslMode.PREFERRED;
        case REQUIRE -> SslMode.REQUIRED;
        case VERIFY_CA -> SslMode.VERIFY_CA;
        case VERIFY_FULL -> SslMode.VERIFY_IDENTITY;
      });
    }
    return options;
  }

  @Override
  public long timeoutMs() {
    return server.timeoutMs();
  }

  @Override
  public String statement(String common) {
    return common;
  }

  @Override
  public String begin() {
    return "START TRANSACTION";
  }

  @Override
  public String forUpdate() {
    return " FOR UPDATE";
  }

  @Override
  public String recoverable() {
    return "recoverable = 1";
  }

  @Override
  public Grouping appends() {
    return Grouping.STATEMENT;
  }

  @Override
  public Object parameter(Object value) {
    return value;
  }

  @Override
  public String text(Object column) {
    return column == null ? null : column.toString();
  }

  @Override
  public boolean isConflict(Throwable failure) {
    int code = code(failure);
    return code == DUPLICATE_KEY || code == NO_REFERENCED_ROW || code == NULL_KEY;
  }

  @Override
  public boolean isRepeatable(Throwable failure) {
    return REPEATABLE.contains(code(failure));
  }

  @Override
  public String sentence(Throwable failure) {
    int code = code(failure);
    return code == 0 ? DatabaseFailure.unreachable(failure) : CODES.getOrDefault(code, "the database failed (" + code + ")");
  }

  /** 0 if the database said nothing. */
  private static int code(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      switch (cause) {
        case MySQLException e -> {
          return e.getErrorCode();
        }
        case MySQLBatchException e when !e.getIterationError().isEmpty() -> {
          return code(e.getIterationError().values().iterator().next());
        }
        case SQLException e when e.getErrorCode() > 0 -> {
          return e.getErrorCode();
        }
        default -> { }
      }
    }
    return 0;
  }
}
