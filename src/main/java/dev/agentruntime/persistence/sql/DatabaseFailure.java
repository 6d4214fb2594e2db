package dev.agentruntime.persistence.sql;

import java.security.cert.CertificateException;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;

/** Failures of database servers in words: those that never reached it, and the codes of the standard and of PostgreSQL. */
final class DatabaseFailure {

  static final String NO_ROOM = "the database has no room for another connection: lower storeConnections, or let it have more";

  private static final String UNREACHABLE = "the database cannot be reached";
  private static final String STARTING = "the database is starting up";
  static final String STOPPING = "the database is shutting down";
  private static final String CRASHED = "the database has crashed";

  private static final Map<String, String> STATES = Map.ofEntries(
      Map.entry("28000", "the database does not let this user in"),
      Map.entry("28P01", "the database refused the user's password"),
      Map.entry("3D000", "there is no such database"),
      Map.entry("42501", "the database's user may not do this"),
      Map.entry("25006", "the database can only be read"),
      Map.entry("53100", "the database's disk is full"),
      Map.entry("53200", "the database is out of memory"),
      Map.entry("53300", NO_ROOM),
      Map.entry("57014", "the database took too long"),
      Map.entry("57P01", STOPPING),
      Map.entry("57P02", CRASHED),
      Map.entry("57P03", STARTING),
      Map.entry("XX001", "the database is damaged"),
      Map.entry("XX002", "the database is damaged"));

  /** Where the Vert.x client and PostgreSQL's JDBC driver have no better type for it. */
  private static final Pattern TLS_FAILURE = Pattern.compile("SSL handshake failed|could not be verified by hostnameverifier"
      + "|SSL hostname verification failed|Self signed certificates");

  /** PgBouncer has one code for all that it refuses by itself; by its words, the code that PostgreSQL has for it. */
  private static final String POOLER_REFUSED = "08P01";
  private static final Map<Pattern, String> POOLER_WORDS = Map.of(
      Pattern.compile("(SASL|password) authentication failed|no such user"), "28P01",
      Pattern.compile("no such database|database .* does not exist"), "3D000",
      Pattern.compile("no more connections allowed"), "53300");

  private DatabaseFailure() {}

  /** @param state five characters, or {@code null} if the database said nothing */
  static String sentence(Throwable failure, String state) {
    if (POOLER_REFUSED.equals(state)) {
      return POOLER_WORDS.entrySet().stream().filter(word -> says(failure, word.getKey())).findFirst()
          .map(word -> STATES.get(word.getValue())).orElseGet(() -> unreachable(failure));
    }
    if (state == null || state.startsWith("08")) {
      return unreachable(failure);
    }
    return STATES.getOrDefault(state, "the database failed (" + state + ")");
  }

  /** Of a failure that the database has not reported itself. */
  static String unreachable(Throwable failure) {
    return causes(failure).anyMatch(cause -> cause instanceof SSLException || cause instanceof CertificateException) || says(failure, TLS_FAILURE)
        ? "the database's certificate is not trusted, or the database does not speak TLS" : UNREACHABLE;
  }

  /** Whether a database that is being started, here or again, fails like this. @param sentence one of those given here */
  static boolean isOfAStart(String sentence) {
    return Set.of(UNREACHABLE, STARTING, STOPPING, CRASHED).contains(sentence);
  }

  private static boolean says(Throwable failure, Pattern words) {
    return causes(failure).anyMatch(cause -> words.matcher("" + cause.getMessage()).find());
  }

  private static Stream<Throwable> causes(Throwable failure) {
    return Stream.iterate(failure, Objects::nonNull, Throwable::getCause);
  }
}
