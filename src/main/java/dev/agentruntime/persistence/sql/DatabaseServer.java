package dev.agentruntime.persistence.sql;

import io.vertx.sqlclient.PoolOptions;
import java.nio.file.Path;

/**
 * Where a database server is, and how it is talked to.
 *
 * @param host its name or address; a path that begins with {@code /} for a Unix socket: PostgreSQL's folder of sockets, MySQL's socket
 * @param password {@code null} if none is needed
 * @param rootCertificate a PEM file of those whose certificates are believed, or {@code null} for those that Java believes
 * @param transactionPooler whether what answers is a pooler that keeps a connection for one transaction only
 * @param connections that are opened at most, 2 or more
 * @param timeoutMs how long one call may take
 */
public record DatabaseServer(String host, int port, String database, String user, String password, Tls tls, Path rootCertificate,
                             boolean transactionPooler, int connections, long timeoutMs) {

  /** How a connection is protected: as PostgreSQL's {@code sslmode}. */
  public enum Tls { DISABLE, PREFER, REQUIRE, VERIFY_CA, VERIFY_FULL }

  private static final int LONGEST_IDLE_SECONDS = 600;

  boolean isUnixSocket() {
    return host.startsWith("/");
  }

  /** Alike for readers and writers. */
  static PoolOptions pool(int size) {
    return new PoolOptions().setMaxSize(size).setIdleTimeout(LONGEST_IDLE_SECONDS);
  }

  /** A few that only read would do; but a page of a long list must not keep others waiting. */
  int readers() {
    return connections / 2;
  }

  int writers() {
    return connections - readers();
  }

  @Override
  public String toString() {
    return "%s@%s:%d/%s".formatted(user, host, port, database);
  }
}
