package dev.agentruntime.support;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/** Ports of loopback for servers that cannot say which port they were given. */
public final class FreePort {

  /** Below those that Linux gives to clients (32768 on), of which another test may take thousands. */
  private static final int FIRST = 20_000;
  private static final int LAST = 32_000;

  private FreePort() {}

  /** A port that was free a moment ago. */
  public static int find() {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(FIRST, LAST);
      try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return socket.getLocalPort();
      } catch (IOException e) {
        // somebody else's
      }
    }
  }
}
