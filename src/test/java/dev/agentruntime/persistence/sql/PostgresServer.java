package dev.agentruntime.persistence.sql;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.tukaani.xz.XZInputStream;

/** A real PostgreSQL. */
final class PostgresServer extends RealServer {

  static final String USER = "postgres";

  private static PostgresServer shared;

  PostgresServer() throws Exception {
    super("postgresql", USER, "postgres");
    Path home = DatabaseProcess.unpacked("postgresql", PostgresServer::unpack);
    Path passwordFile = Files.writeString(folder.resolve("password"), PASSWORD);
    Path data = folder.resolve("data");
    DatabaseProcess.run(DatabaseProcess.unprivileged(List.of(home.resolve("bin/initdb").toString(), "-D", data.toString(), "-U", USER,
        "-A", "scram-sha-256", "--pwfile=" + passwordFile, "-E", "UTF8", "--no-locale", "--no-sync")));
    run(DatabaseProcess.unprivileged(List.of(home.resolve("bin/postgres").toString(), "-D", data.toString(),
        "-p", Integer.toString(port), "-h", "127.0.0.1", "-k", folder.toString(), "-c", "fsync=off", "-c", "max_connections=200", "-c", "ssl=on",
        "-c", "ssl_cert_file=" + certificate.certificate(), "-c", "ssl_key_file=" + certificate.key())));
  }

  private static void unpack(Path into) throws Exception {
    Process tar = new ProcessBuilder("tar", "-x", "-C", into.toString()).inheritIO().redirectInput(ProcessBuilder.Redirect.PIPE).start();
    try (InputStream in = new XZInputStream(DatabaseProcess.resource("/postgres-linux-x86_64.txz")); OutputStream out = tar.getOutputStream()) {
      in.transferTo(out);
    }
    if (tar.waitFor() != 0) {
      throw new IllegalStateException("tar failed");
    }
  }

  /** One for the tests of this process that run one after the other, some of which stop it; who runs beside them has one of its own. */
  static synchronized PostgresServer shared() throws Exception {
    if (shared == null) {
      shared = new PostgresServer();
    }
    return shared;
  }
}
