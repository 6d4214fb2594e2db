package dev.agentruntime.persistence.sql;

import io.vertx.core.net.ClientSSLOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.core.net.TrustOptions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.TrustManagerFactory;

/** Whose certificates are believed. */
final class TlsTrust {

  private TlsTrust() {}

  static ClientSSLOptions options(DatabaseServer server) {
    ClientSSLOptions options = new ClientSSLOptions();
    switch (server.tls()) {
      case DISABLE, PREFER, REQUIRE -> options.setTrustAll(true).setHostnameVerificationAlgorithm("");
      case VERIFY_CA -> options.setTrustOptions(trust(server)).setHostnameVerificationAlgorithm("");
      case VERIFY_FULL -> options.setTrustOptions(trust(server)).setHostnameVerificationAlgorithm("HTTPS");
    }
    return options;
  }

  private static TrustOptions trust(DatabaseServer server) {
    if (server.rootCertificate() != null) {
      return new PemTrustOptions().addCertPath(server.rootCertificate().toString());
    }
    try {
      TrustManagerFactory java = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      java.init((KeyStore) null);
      return TrustOptions.wrap(java.getTrustManagers()[0]);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
