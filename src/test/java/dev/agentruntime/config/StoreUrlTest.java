package dev.agentruntime.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.config.StoreUrl.Database;
import dev.agentruntime.config.StoreUrl.Product;
import dev.agentruntime.config.StoreUrl.Tls;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StoreUrlTest {

  private static Database database(String text) {
    return (Database) StoreUrl.parse(text);
  }

  @Test
  void readsTheStoresOfOneMachine() {
    assertThat(StoreUrl.parse("memory:")).isEqualTo(new StoreUrl.Memory());
    assertThat(StoreUrl.parse("sqlite:a b?.db")).isEqualTo(new StoreUrl.Sqlite("a b?.db"));
  }

  @Test
  void readsAWholeAddress() {
    assertThat(database("postgresql://me:pass@db.example:6000/things?sslmode=verify-full&sslrootcert=/etc/ca%20.pem"))
        .isEqualTo(new Database(Product.POSTGRESQL, "db.example", 6000, "things", "me", new Secret("pass"), Tls.VERIFY_FULL, "/etc/ca .pem",
            false));
    assertThat(database("mysql://me:pass@db.example:6000/things?ssl-mode=VERIFY_IDENTITY&ssl-ca=ca.pem"))
        .isEqualTo(new Database(Product.MYSQL, "db.example", 6000, "things", "me", new Secret("pass"), Tls.VERIFY_FULL, "ca.pem", false));
  }

  @Test
  void fillsInWhatIsLeftOut() {
    assertThat(database("postgres://me@db/things"))
        .isEqualTo(new Database(Product.POSTGRESQL, "db", 5432, "things", "me", null, Tls.PREFER, null, false));
    assertThat(database("mariadb://me@db/things"))
        .isEqualTo(new Database(Product.MYSQL, "db", 3306, "things", "me", null, Tls.PREFER, null, false));
  }

  @ParameterizedTest
  @CsvSource(delimiter = ' ', value = {
      "p%40ss p@ss", "p@ss p@ss", "p:ss p:ss", "p%25+%2B p%++", "%F0%9F%9A%80 \ud83d\ude80"})
  void takesPasswordsThatAreEncodedAndSomeThatAreNot(String written, String meant) {
    assertThat(database("postgresql://me:" + written + "@db/things").password().value()).isEqualTo(meant);
    assertThat(database("postgresql://me:" + written + "@db/things").host()).isEqualTo("db");
  }

  @Test
  void takesAddressesOfTheSixthVersion() {
    assertThat(database("postgresql://me@[::1]:99/things").host()).isEqualTo("::1");
    assertThat(database("mysql://me@[fe80::1%25eth0]/things").host()).isEqualTo("fe80::1%eth0");
  }

  @Test
  void takesUnixSockets() {
    assertThat(database("postgresql://me@/things?host=/var/run/postgresql")).satisfies(url -> {
      assertThat(url.host()).isEqualTo("/var/run/postgresql");
      assertThat(url.port()).isEqualTo(5432);
      assertThat(url.tls()).isEqualTo(Tls.DISABLE);
    });
    assertThat(database("postgresql://me@%2Fvar%2Frun:6/things").host()).isEqualTo("/var/run");
    assertThat(database("postgresql://me@/things?host=/s&port=7").port()).isEqualTo(7);
    assertThat(database("mysql://me@localhost/things?socket=/run/mysqld/mysqld.sock").host()).isEqualTo("/run/mysqld/mysqld.sock");
  }

  /** As the console of Supabase shows them, and a password in its place. */
  @Test
  void takesWhatSupabaseShows() {
    assertThat(database("postgresql://postgres:pass@db.abcdefghijklmnopqrst.supabase.co:5432/postgres")).isEqualTo(new Database(
        Product.POSTGRESQL, "db.abcdefghijklmnopqrst.supabase.co", 5432, "postgres", "postgres", new Secret("pass"), Tls.REQUIRE, null, false));
    assertThat(database("postgresql://postgres.abcdefghijklmnopqrst:pass@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"))
        .isEqualTo(new Database(Product.POSTGRESQL, "aws-0-eu-central-1.pooler.supabase.com", 6543, "postgres",
            "postgres.abcdefghijklmnopqrst", new Secret("pass"), Tls.REQUIRE, null, true));
    assertThat(database("postgres://postgres.abcdefghijklmnopqrst:pass@aws-0-eu-central-1.pooler.supabase.com:5432/postgres"))
        .satisfies(session -> assertThat(session.transactionPooler()).isFalse());
    assertThat(database("postgresql://u:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true").transactionPooler()).isTrue();
    assertThatThrownBy(() -> StoreUrl.parse("postgresql://postgres:[YOUR-PASSWORD]@db.abcdefghijklmnopqrst.supabase.co:5432/postgres"))
        .hasMessageContaining("still has the placeholder [YOUR-PASSWORD]");
    assertThatThrownBy(() -> StoreUrl.parse("postgresql://postgres:p@db.abcdefghijklmnopqrst.supabase.co:5432/postgres?sslmode=disable"))
        .hasMessageContaining("TLS");
  }

  @Test
  void takesAPoolerAnywhere() {
    assertThat(database("postgresql://u@h:6432/d?pgbouncer=true").transactionPooler()).isTrue();
    assertThat(database("postgresql://u@h:6543/d").transactionPooler()).isTrue();
    assertThat(database("postgresql://u@h:6543/d?pgbouncer=false").transactionPooler()).isFalse();
  }

  @Test
  void doesNotShowThePassword() {
    StoreUrl url = StoreUrl.parse("postgresql://me:hush@db/things");
    assertThat(url.holdsSecret()).isTrue();
    assertThat(url.toString()).doesNotContain("hush").contains("me", "db", "things");
    assertThat(StoreUrl.parse("postgresql://me@db/things").holdsSecret()).isFalse();
    assertThat(StoreUrl.parse("sqlite:x").holdsSecret()).isFalse();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "''|must be memory:, sqlite:<path>",
      "memory|must be memory:",
      "memory:hush|must be memory:",
      "sqlite:|must be memory:",
      "SQLITE:hush|must be memory:",
      "jdbc:postgresql://hush/hush|must be memory:",
      "postgresql:hush|must be memory:",
      "postgresql://|names no user",
      "postgresql://hush/d|names no user",
      "postgresql://:hush@h/d|names no user",
      "postgresql://hush@/d|names no host",
      "postgresql://hush@h|names no database",
      "postgresql://hush@h/|names no database",
      "postgresql://hush@h/a/b|names no database",
      "postgresql://u:hu/sh@h/d|are written as %40",
      "postgresql://u:hu?sh@h/d|are written as %40",
      "postgresql://u:hu#sh@h/d|are written as %40",
      "postgresql://u:hush%@h/d|a % starts the code",
      "postgresql://u:hush%zz@h/d|a % starts the code",
      "postgresql://u:hush@h:port/d|must look like",
      "postgresql://u:hush@h:0/d|the port must be",
      "postgresql://u:hush@h:99999/d|the port must be",
      "postgresql://u:hush@h1,h2/d|with one host",
      "postgresql://u:hush@h/d?sslmode=hush|sslmode must be",
      "postgresql://u:hush@h/d?hush=1|unknown parameter; the known ones are: sslmode, sslrootcert, host, port, pgbouncer",
      "postgresql://u:hush@h/d?sslmode|without a value: sslmode",
      "postgresql://u:hush@h/d?pgbouncer=hush|pgbouncer must be",
      "postgresql://u:hush@h/d?host=hush|Unix socket",
      "mysql://u:hush@h/d?pgbouncer=true|unknown parameter",
      "convex:hush|must be memory:",
      "convex+https://|convex+https://<deployment>",
      "convex+http://hush.example|convex+https://<deployment>",
      "convex+http://localhost.hush.example|convex+https://<deployment>",
      "convex+https://u:hush@h|convex+https://<deployment>",
      "convex+https://h/hush|convex+https://<deployment>"})
  void saysWhatIsWrongAndNothingOfWhatWasGiven(String text, String said) {
    assertThatThrownBy(() -> StoreUrl.parse(text)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(said).message().doesNotContain("hush").doesNotContain("hu/sh");
  }

  @ParameterizedTest
  @ValueSource(strings = {"disable", "prefer", "require", "verify-ca", "verify-full", "DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA",
      "VERIFY_IDENTITY"})
  void knowsTheWordsOfBothDatabases(String word) {
    assertThat(database("mysql://u@h/d?sslmode=" + word)).isNotNull();
    assertThat(database("postgresql://u@h/d?sslmode=" + word)).isNotNull();
  }
}
