package dev.agentruntime.sandbox.modal;

import java.net.URI;
import java.util.Locale;
import java.util.regex.Pattern;

/** A host that is called, and whether over TLS. */
record Endpoint(String host, int port, boolean tls) {

  private static final Pattern LOOPBACK = Pattern.compile("localhost|127(\\.\\d{1,3}){3}|::1");
  private static final int HTTPS = 443;
  private static final int HTTP = 80;

  /** @throws IllegalArgumentException if it is not a URL that secrets may be sent to */
  static Endpoint of(URI url) {
    String scheme = url.getScheme() == null ? "" : url.getScheme().toLowerCase(Locale.ROOT);
    String host = url.getHost();
    if (host == null || url.getUserInfo() != null) {
      throw new IllegalArgumentException("is not a URL of Modal's: it must be like " + ModalClientOptions.SERVER);
    }
    return switch (scheme) {
      case "https" -> new Endpoint(bare(host), url.getPort() < 0 ? HTTPS : url.getPort(), true);
      case "http" -> {
        if (!isLoopback(bare(host))) {
          throw new IllegalArgumentException("must be https: http is for tests on loopback");
        }
        yield new Endpoint(bare(host), url.getPort() < 0 ? HTTP : url.getPort(), false);
      }
      default -> throw new IllegalArgumentException("must be https");
    };
  }

  /**
   * Where a router is that the control plane at this endpoint told of. Modal's SDKs insist on {@code https} there and yet go to loopback
   * without TLS when the control plane is a test's.
   */
  Endpoint router(String url) {
    Endpoint router = of(URI.create(url));
    if (tls && !router.tls) {
      throw new IllegalArgumentException("must be https");
    }
    return !tls && isLoopback(router.host) ? new Endpoint(router.host, router.port, false) : router;
  }

  private static boolean isLoopback(String host) {
    return LOOPBACK.matcher(host).matches();
  }

  private static String bare(String host) {
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }
}
