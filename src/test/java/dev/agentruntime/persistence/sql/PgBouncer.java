package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.agentruntime.support.FreePort;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A real PgBouncer before a real PostgreSQL, as Supabase's pooler is set up: a connection is lent for one transaction, and clients have to
 * come over TLS. Its certificate is its own.
 *
 * <p>Where it is not installed a test is skipped and says so; with {@code -Dpgbouncer.required=true} it fails.
 */
final class PgBouncer {

  /** Supabase's users are named after the project. */
  static final String USER = "postgres.abcdefghijklmnopqrst";

  /** To each database. */
  static final int CONNECTIONS = 5;

  private static final Logger LOG = LoggerFactory.getLogger(PgBouncer.class);

  final PostgresServer postgres;
  final int port = FreePort.find();
  final TestCertificate certificate;
  final DatabaseProcess process;

  PgBouncer(PostgresServer postgres) throws Exception {
    this.postgres = postgres;
    String program = program();
    Path folder = Files.createTempDirectory("bouncer");
    certificate = TestCertificate.create(folder);
    Path users = Files.writeString(folder.resolve("users.txt"), "\"%s\" \"%s\"%n".formatted(USER, PostgresServer.PASSWORD));
    Path settings = Files.writeString(folder.resolve("pgbouncer.ini"), """
        [databases]
        * = host=127.0.0.1 port=%d user=%s password='%s'
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = %d
        unix_socket_dir =
        auth_type = scram-sha-256
        auth_file = %s
        pool_mode = transaction
        default_pool_size = %d
        server_login_retry = 1
        client_tls_sslmode = require
        client_tls_cert_file = %s
        client_tls_key_file = %s
        """.formatted(postgres.port, PostgresServer.USER, PostgresServer.PASSWORD, port, users, CONNECTIONS, certificate.certificate(),
        certificate.key()));
    process = new DatabaseProcess(folder, DatabaseProcess.unprivileged(List.of(program, settings.toString())), this::answers);
    process.start();
  }

  private static String program() {
    List<Path> folders = Stream.concat(Stream.of(System.getenv().getOrDefault("PATH", "").split(":")), Stream.of("/usr/sbin"))
        .map(Path::of).toList();
    return folders.stream().map(folder -> folder.resolve("pgbouncer")).filter(Files::isExecutable).map(Path::toString).findFirst()
        .orElseGet(PgBouncer::missing);
  }

  private static String missing() {
    String why = "PgBouncer is not installed, so the way through a pooler was not tested";
    if (Boolean.getBoolean("pgbouncer.required")) {
      fail(why);
    }
    LOG.warn("Skipped: {}", why);
    return abort(why);
  }

  private boolean answers() {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  /** The database as it is reached through the pooler. */
  DatabaseServer before(DatabaseServer database) {
    return new DatabaseServer("localhost", port, database.database(), USER, PostgresServer.PASSWORD, DatabaseServer.Tls.VERIFY_FULL,
        certificate.certificate(), true, database.connections(), database.timeoutMs());
  }

  /** The same, as a setting has it. */
  String url(DatabaseServer database) {
    return "postgresql://%s:%s@localhost:%d/%s?sslmode=verify-full&sslrootcert=%s&pgbouncer=true".formatted(USER,
        URLEncoder.encode(PostgresServer.PASSWORD, StandardCharsets.UTF_8), port, database.database(), certificate.certificate());
  }
}
