package dev.agentruntime.support.modal;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** A proxy in front of routers that lets a stated number of bytes through to clients and then breaks the connection they went over. */
public final class ConnectionCutter {

  private static final long UNLIMITED = Long.MAX_VALUE;

  private final Map<Integer, Integer> ports = new HashMap<>();
  private final AtomicLong left = new AtomicLong(UNLIMITED);
  private final Set<NetSocket> clients = ConcurrentHashMap.newKeySet();
  private volatile int cuts;

  private ConnectionCutter() {}

  static ConnectionCutter start(Vertx vertx, List<Integer> behind) {
    ConnectionCutter cutter = new ConnectionCutter();
    NetClient toRouter = vertx.createNetClient();
    for (int port : behind) {
      NetServer server = vertx.createNetServer().connectHandler(client -> {
        client.pause();
        toRouter.connect(port, "127.0.0.1").onFailure(e -> client.close()).onSuccess(router -> cutter.join(client, router));
      });
      server.listen(0, "127.0.0.1").await();
      cutter.ports.put(port, server.actualPort());
    }
    return cutter;
  }

  private void join(NetSocket client, NetSocket router) {
    clients.add(client);
    router.handler(bytes -> toClient(client, router, bytes));
    client.handler(router::write);
    router.closeHandler(closed -> client.close());
    client.closeHandler(closed -> {
      clients.remove(client);
      router.close();
    });
    client.resume();
  }

  private void toClient(NetSocket client, NetSocket router, Buffer bytes) {
    long room = left.get() == UNLIMITED ? UNLIMITED : left.addAndGet(-bytes.length()) + bytes.length();
    if (room > bytes.length()) {
      client.write(bytes);
      return;
    }
    left.set(UNLIMITED);
    cuts++;
    router.handler(ignored -> { });
    client.write(bytes.slice(0, (int) Math.max(0, room))).onComplete(written -> client.close());
  }

  /** The next {@code bytes} of all connections go through to clients; the connection that the last of them went over is closed then. */
  public void cutAfter(long bytes) {
    left.set(bytes);
  }

  /** How many connections were cut so far. */
  public int cuts() {
    return cuts;
  }

  int portOf(int router) {
    return ports.get(router);
  }
}
