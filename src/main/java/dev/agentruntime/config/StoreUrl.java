package dev.agentruntime.config;

import java.net.URI;

/**
 * Which store sessions are kept in, as {@code storeUrl} says it. What it holds of passwords is not shown by {@code toString()}.
 */
public sealed interface StoreUrl {

  /** {@code memory:} */
  record Memory() implements StoreUrl {}

  /**
   * {@code sqlite:<path>}
   *
   * @param path relative to the data directory, or absolute
   */
  record Sqlite(String path) implements StoreUrl {}

  /** {@code convex+https://<deployment>}, without the prefix; in the clear only on this machine. */
  record Convex(URI address) implements StoreUrl {
    private static final String PREFIX = "convex+";

    private static Convex parse(String text) {
      if (!Settings.SERVER_ADDRESS.matcher(text).matches()) {
        throw new IllegalArgumentException("must look like convex+https://<deployment>");
      }
      return new Convex(URI.create(text));
    }
  }

  /**
   * A database server: {@code postgresql://}, {@code postgres://}, {@code mysql://} or {@code mariadb://}.
   *
   * @param host its name or address; a path that begins with {@code /} for a Unix socket: PostgreSQL's folder of sockets, MySQL's socket
   * @param password {@code null} if there is none
   * @param rootCertificate a PEM file of those whose certificates are believed, or {@code null} for those that Java believes
   * @param transactionPooler whether a pooler that keeps a connection for one transaction only stands between, as Supabase's does
   */
  record Database(Product product, String host, int port, String database, String user, Secret password, Tls tls, String rootCertificate,
                  boolean transactionPooler) implements StoreUrl {

    Database withPassword(Secret other) {
      return new Database(product, host, port, database, user, other, tls, rootCertificate, transactionPooler);
    }
  }

  enum Product { POSTGRESQL, MYSQL }

  /** How a connection is protected. */
  enum Tls {
    /** Not at all. */
    DISABLE,
    /** By encryption, if the server knows how. */
    PREFER,
    /** By encryption; whose server it is remains open. */
    REQUIRE,
    /** By encryption, and the server's certificate is signed by somebody who is believed. */
    VERIFY_CA,
    /** As {@link #VERIFY_CA}, and it is made out to the name of the host. */
    VERIFY_FULL
  }

  /** @throws IllegalArgumentException that says what is wrong, without a word of the text itself */
  static StoreUrl parse(String text) {
    if (text.equals("memory:")) {
      return new Memory();
    }
    if (text.startsWith("sqlite:") && text.length() > "sqlite:".length()) {
      return new Sqlite(text.substring("sqlite:".length()));
    }
    if (text.startsWith("postgresql://") || text.startsWith("postgres://")) {
      return DatabaseUrl.parse(Product.POSTGRESQL, text);
    }
    if (text.startsWith("mysql://") || text.startsWith("mariadb://")) {
      return DatabaseUrl.parse(Product.MYSQL, text);
    }
    if (text.startsWith(Convex.PREFIX)) {
      return Convex.parse(text.substring(Convex.PREFIX.length()));
    }
    throw new IllegalArgumentException("must be memory:, sqlite:<path>, postgresql://user:password@host/database, "
        + "mysql://user:password@host/database or convex+https://<deployment>");
  }

  /** Whether it holds what must not stand in a file. */
  default boolean holdsSecret() {
    return this instanceof Database database && database.password != null;
  }
}
