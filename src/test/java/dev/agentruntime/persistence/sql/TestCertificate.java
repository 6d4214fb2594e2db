package dev.agentruntime.persistence.sql;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.Base64;
import java.util.List;

/** A certificate for {@code localhost} that signed itself, and its key, as PEM files. */
record TestCertificate(Path certificate, Path key) {

  private static final String PASSWORD = "changeit";
  private static final String ALIAS = "server";

  static TestCertificate create(Path folder) throws Exception {
    Path store = folder.resolve("server.p12");
    DatabaseProcess.run(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString(), "-genkeypair", "-alias", ALIAS,
        "-keyalg", "EC", "-dname", "CN=localhost", "-ext", "san=dns:localhost", "-validity", "30", "-storetype", "PKCS12",
        "-keystore", store.toString(), "-storepass", PASSWORD));
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    Certificate certificate = keys.getCertificate(ALIAS);
    Key key = keys.getKey(ALIAS, PASSWORD.toCharArray());
    return new TestCertificate(write(folder.resolve("server.crt"), "CERTIFICATE", certificate.getEncoded()),
        write(folder.resolve("server.key"), "PRIVATE KEY", key.getEncoded()));
  }

  private static Path write(Path file, String kind, byte[] bytes) throws Exception {
    String text = "-----BEGIN %s-----%n%s%n-----END %s-----%n".formatted(kind, Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes), kind);
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
    return file;
  }
}
