package dev.agentruntime.config;

import dev.agentruntime.config.StoreUrl.Database;
import dev.agentruntime.config.StoreUrl.Product;
import dev.agentruntime.config.StoreUrl.Tls;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads {@code postgresql://user:password@host:port/database?sslmode=…}, as libpq knows it, and the same for MySQL. Supabase's connection
 * strings work as they are copied from its console.
 *
 * <p>Not by {@link java.net.URI}, which refuses what passwords are made of, and quotes it while it does.
 */
final class DatabaseUrl {

  private static final Pattern URL = Pattern.compile(
      "\\w+://(?:(?<userinfo>[^/?#]*)@)?(?<address>[^/?#@]*)(?:/(?<database>[^?#]*))?(?:\\?(?<query>[^#]*))?");
  private static final Pattern ADDRESS = Pattern.compile("(?<host>\\[[0-9A-Za-z:.%]+]|[^:\\[\\],]*)(?::(?<port>\\d{1,5}))?");
  private static final Pattern SUPABASE = Pattern.compile(".+\\.supabase\\.(?:co|com|red)");
  private static final String PLACEHOLDER = "[YOUR-PASSWORD]";

  private static final int POSTGRESQL_PORT = 5432;
  private static final int MYSQL_PORT = 3306;
  /** Where Supabase's pooler, and those that are set up like it, lend a connection for one transaction. */
  private static final int TRANSACTION_POOLER_PORT = 6543;

  private static final Map<Product, List<String>> PARAMETERS = Map.of(
      Product.POSTGRESQL, List.of("sslmode", "sslrootcert", "host", "port", "pgbouncer"),
      Product.MYSQL, List.of("sslmode", "ssl-mode", "sslrootcert", "ssl-ca", "socket"));

  /** PostgreSQL's words, then MySQL's. */
  private static final Map<String, Tls> TLS = Map.of(
      "disable", Tls.DISABLE, "prefer", Tls.PREFER, "require", Tls.REQUIRE, "verify-ca", Tls.VERIFY_CA, "verify-full", Tls.VERIFY_FULL,
      "disabled", Tls.DISABLE, "preferred", Tls.PREFER, "required", Tls.REQUIRE, "verify-identity", Tls.VERIFY_FULL);

  private final Product product;
  private final Map<String, String> parameters;

  private DatabaseUrl(Product product, Map<String, String> parameters) {
    this.product = product;
    this.parameters = parameters;
  }

  static Database parse(Product product, String text) {
    require(!text.contains(PLACEHOLDER), "still has the placeholder " + PLACEHOLDER + ": put the database's password in its place");
    Matcher url = URL.matcher(text);
    Matcher address = ADDRESS.matcher(url.matches() ? url.group("address") : ":");
    require(address.matches(), "must look like " + product.name().toLowerCase(Locale.ROOT) + "://user:password@host:port/database, with one "
        + "host; characters like @ : / ? # in the user or the password are written as %40 %3A %2F %3F %23");
    return new DatabaseUrl(product, parameters(product, url.group("query")))
        .database(url.group("userinfo"), address.group("host"), address.group("port"), url.group("database"));
  }

  private Database database(String userinfo, String hostInAddress, String portInAddress, String path) {
    String[] userAndPassword = (userinfo == null ? "" : userinfo).split(":", 2);
    String user = decoded(userAndPassword[0]);
    require(!user.isEmpty(), "names no user");
    Secret password = userAndPassword.length == 2 && !userAndPassword[1].isEmpty() ? new Secret(decoded(userAndPassword[1])) : null;
    String database = decoded(path == null ? "" : path);
    require(!database.isEmpty() && !database.contains("/"), "names no database: it must end with /<database>");
    String host = host(hostInAddress);
    int port = port(portInAddress);
    boolean supabase = SUPABASE.matcher(host).matches();
    Tls tls = tls(host.startsWith("/") ? Tls.DISABLE : supabase ? Tls.REQUIRE : Tls.PREFER);
    require(!supabase || tls != Tls.DISABLE && tls != Tls.PREFER, "Supabase is reached over TLS: sslmode must be require or stricter");
    return new Database(product, host, port, database, user, password, tls, either("sslrootcert", "ssl-ca"), transactionPooler(port));
  }

  private String host(String inAddress) {
    String socket = parameters.get(product == Product.POSTGRESQL ? "host" : "socket");
    require(socket == null || socket.startsWith("/"), "the parameter host or socket is the path of a Unix socket");
    String host = socket != null ? socket : decoded(inAddress).replaceAll("^\\[|]$", "");
    require(!host.isEmpty(), "names no host");
    return host;
  }

  private int port(String inAddress) {
    String text = inAddress != null ? inAddress : parameters.get("port");
    if (text == null) {
      return product == Product.POSTGRESQL ? POSTGRESQL_PORT : MYSQL_PORT;
    }
    require(text.matches("\\d{1,5}") && Integer.parseInt(text) >= 1 && Integer.parseInt(text) <= 65_535, "the port must be from 1 to 65535");
    return Integer.parseInt(text);
  }

  private Tls tls(Tls otherwise) {
    String word = either("sslmode", "ssl-mode");
    if (word == null) {
      return otherwise;
    }
    Tls tls = TLS.get(word.toLowerCase(Locale.ROOT).replace('_', '-'));
    require(tls != null, "sslmode must be disable, prefer, require, verify-ca or verify-full");
    return tls;
  }

  private boolean transactionPooler(int port) {
    String word = parameters.get("pgbouncer");
    require(word == null || word.equals("true") || word.equals("false"), "pgbouncer must be true or false");
    return word != null ? word.equals("true") : product == Product.POSTGRESQL && port == TRANSACTION_POOLER_PORT;
  }

  private String either(String name, String otherName) {
    return parameters.getOrDefault(name, parameters.get(otherName));
  }

  private static Map<String, String> parameters(Product product, String query) {
    Map<String, String> parameters = new LinkedHashMap<>();
    List<String> known = PARAMETERS.get(product);
    for (String parameter : query == null || query.isEmpty() ? new String[0] : query.split("&")) {
      String[] nameAndValue = parameter.split("=", 2);
      require(known.contains(nameAndValue[0]), "has an unknown parameter; the known ones are: " + String.join(", ", known));
      require(nameAndValue.length == 2 && !nameAndValue[1].isEmpty(), "has a parameter without a value: " + nameAndValue[0]);
      parameters.put(nameAndValue[0], decoded(nameAndValue[1]));
    }
    return parameters;
  }

  private static String decoded(String text) {
    try {
      return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("a % starts the code of a character, as in %40; a % itself is written %25");
    }
  }

  private static void require(boolean good, String otherwise) {
    if (!good) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}
