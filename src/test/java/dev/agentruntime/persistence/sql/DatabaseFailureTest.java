package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DatabaseFailureTest {

  /** As MariaDB's driver says it, the last to a MySQL, which no test of the build runs. */
  @ParameterizedTest
  @ValueSource(strings = {"SSL hostname verification failed : IPv4 host \"127.0.0.1\" doesn't correspond to certificate CN \"localhost\"",
      "Cannot use authentication plugin caching_sha2_password with a Self signed certificates. Either set sslMode=trust, or …"})
  void tellsACertificateThatIsNotBelieved(String message) {
    assertThat(DatabaseFailure.unreachable(new SQLException(message))).isEqualTo("the database's certificate is not trusted, or the database does not speak TLS");
  }
}
