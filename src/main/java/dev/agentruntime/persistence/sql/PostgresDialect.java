package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Vertx;
import io.vertx.core.net.SocketAddress;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgException;
import io.vertx.pgclient.SslMode;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.SqlClient;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.flywaydb.core.api.FlywayException;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * PostgreSQL, and Supabase, which is one: the store of several machines.
 *
 * <p><b>What "saved" means here.</b> The transaction is committed: with the server's default, {@code synchronous_commit=on}, its log is on
 * the server's disk, and it survives the death of this process, of the database server and of its machine. Whether it survives the loss of
 * that disk is a matter of replicas and backups.
 *
 * <p>Everything is in a schema of its own, {@code agent_runtime}, which is made at the first start, so that a database can be shared with
 * other programs, and so that Supabase does not show it to the world, as it does with {@code public}. Ids and names are text in the
 * collation {@code C}, which compares bytes. PostgreSQL's text cannot hold U+0000, so it is kept as U+0001 U+0001, and U+0001 itself as
 * U+0001 U+0002, which sort as they should.
 *
 * <p>Reads are pipelined over a few connections, writes have one each. Appends that come together are committed together, in one round
 * trip. Statements are prepared once per connection, but not through a transaction pooler, which gives each transaction another one.
 */
public final class PostgresDialect implements SqlDialect {

  static final String SCHEMA = "agent_runtime";

  private static final Pattern PARAMETER_OR_TABLE = Pattern.compile("\\?|(?<=\\b(?:FROM|JOIN|INTO|UPDATE) )(?:session|content|chunk|profile)\\b");
  private static final Pattern ESCAPED = Pattern.compile("[\0\1]");
  private static final Pattern ESCAPE = Pattern.compile("\1[\1\2]");

  private static final int CONNECT_TIMEOUT_SECONDS = 10;

  private static final String UNIQUE_VIOLATION = "23505";
  private static final String FOREIGN_KEY_VIOLATION = "23503";
  private static final Set<String> REPEATABLE = Set.of("40001", "40P01");

  private final DatabaseServer server;

  public PostgresDialect(DatabaseServer server) {
    this.server = server;
  }

  @Override
  public void migrate() {
    try {
      new SchemaMigration(server.transactionPooler() ? PooledDataSource.of(dataSource()) : dataSource(), "postgresql", SCHEMA,
          timeoutMs()).run();
    } catch (SQLException | FlywayException e) {
      throw new PersistenceException(Kind.UNAVAILABLE, sentence(e), e);
    }
  }

  private PGSimpleDataSource dataSource() {
    PGSimpleDataSource dataSource = new PGSimpleDataSource();
    dataSource.setApplicationName(SCHEMA);
    dataSource.setDatabaseName(server.database());
    dataSource.setUser(server.user());
    dataSource.setPassword(server.password());
    dataSource.setConnectTimeout(CONNECT_TIMEOUT_SECONDS);
    // Without TLS the driver would wait without end for what the server has to say first.
    dataSource.setLoginTimeout(CONNECT_TIMEOUT_SECONDS);
    if (server.isUnixSocket()) {
      dataSource.setServerNames(new String[] {"localhost"});
      dataSource.setSocketFactory(UnixSocketFactory.class.getName());
      dataSource.setSocketFactoryArg(socketPath());
    } else {
      dataSource.setServerNames(new String[] {server.host()});
      dataSource.setSslMode(server.tls().name().toLowerCase().replace('_', '-'));
      if (server.rootCertificate() != null) {
        dataSource.setSslRootCert(server.rootCertificate().toString());
      } else if (verifies()) {
        dataSource.setSslfactory(org.postgresql.ssl.DefaultJavaSSLFactory.class.getName());
      }
    }
    dataSource.setPortNumbers(new int[] {server.port()});
    if (server.transactionPooler()) {
      dataSource.setPrepareThreshold(0);
    }
    return dataSource;
  }

  private String socketPath() {
    return server.host() + "/.s.PGSQL." + server.port();
  }

  private boolean verifies() {
    return server.tls() == DatabaseServer.Tls.VERIFY_CA || server.tls() == DatabaseServer.Tls.VERIFY_FULL;
  }

  @Override
  public Pool writers(Vertx vertx) {
    return PgBuilder.pool().with(DatabaseServer.pool(server.writers())).connectingTo(connectOptions()).using(vertx).build();
  }

  @Override
  public SqlClient readers(Vertx vertx) {
    return PgBuilder.client().with(DatabaseServer.pool(server.readers())).connectingTo(connectOptions()).using(vertx).build();
  }

  private PgConnectOptions connectOptions() {
    Map<String, String> properties = new HashMap<>(PgConnectOptions.DEFAULT_PROPERTIES);
    properties.put("application_name", SCHEMA);
    // Numbers with a fraction are not stored, and poolers refuse what they do not know.
    properties.remove("extra_float_digits");
    if (!server.transactionPooler()) {
      properties.put("statement_timeout", Long.toString(server.timeoutMs()));
    }
    PgConnectOptions options = (server.isUnixSocket() ? new UnixSocketOptions(socketPath()) : new PgConnectOptions())
        .setHost(server.host())
        .setPort(server.port())
        .setDatabase(server.database())
        .setUser(server.user())
        .setPassword(server.password() == null ? "" : server.password())
        .setProperties(properties)
        .setCachePreparedStatements(!server.transactionPooler())
        .setUseLayer7Proxy(server.transactionPooler());
    if (!server.isUnixSocket()) {
      options.setSslMode(SslMode.valueOf(server.tls().name())).setSslOptions(TlsTrust.options(server));
    }
    return options;
  }

  /** The client of 5.0.7 refuses Unix sockets without a native transport, which they have not needed since Java 16. */
  private static final class UnixSocketOptions extends PgConnectOptions {

    private final SocketAddress address;

    UnixSocketOptions(String path) {
      address = SocketAddress.domainSocketAddress(path);
    }

    @Override
    public SocketAddress getSocketAddress() {
      return address;
    }

    @Override
    public boolean isUsingDomainSocket() {
      return false;
    }
  }

  @Override
  public long timeoutMs() {
    return server.timeoutMs();
  }

  @Override
  public String statement(String common) {
    int[] parameters = {0};
    return PARAMETER_OR_TABLE.matcher(common).replaceAll(match ->
        match.group().equals("?") ? "\\$" + ++parameters[0] : SCHEMA + "." + match.group());
  }

  @Override
  public String begin() {
    return "BEGIN";
  }

  @Override
  public String forUpdate() {
    return " FOR NO KEY UPDATE OF s";
  }

  @Override
  public String recoverable() {
    return "recovery IS NOT NULL";
  }

  @Override
  public Grouping appends() {
    return Grouping.BATCH;
  }

  @Override
  public Object parameter(Object value) {
    return value instanceof String text ? ESCAPED.matcher(text).replaceAll(match -> match.group().equals("\0") ? "\1\1" : "\1\2") : value;
  }

  @Override
  public String text(Object column) {
    String text = (String) column;
    return text == null || text.indexOf('\1') < 0 ? text : ESCAPE.matcher(text).replaceAll(PostgresDialect::unescaped);
  }

  private static String unescaped(MatchResult escape) {
    return escape.group().equals("\1\1") ? "\0" : "\1";
  }

  @Override
  public boolean isConflict(Throwable failure) {
    String state = state(failure);
    return UNIQUE_VIOLATION.equals(state) || FOREIGN_KEY_VIOLATION.equals(state);
  }

  @Override
  public boolean isRepeatable(Throwable failure) {
    return failure instanceof PgException e && REPEATABLE.contains(e.getSqlState());
  }

  @Override
  public String sentence(Throwable failure) {
    return DatabaseFailure.sentence(failure, state(failure));
  }

  private static String state(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof PgException e) {
        return e.getSqlState();
      }
      if (cause instanceof SQLException e && e.getSQLState() != null) {
        return e.getSQLState();
      }
    }
    return null;
  }
}
