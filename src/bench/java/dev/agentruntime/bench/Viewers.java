package dev.agentruntime.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** WebSocket clients that cost little: one thread reads them all, counts frames and looks at the first bytes of each. */
final class Viewers implements AutoCloseable {

  private static final byte[] EVENT = "{\"event\":\"session:".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] TURN_ENDED = "turn:completed\"".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] JOINED = "joined\"".getBytes(StandardCharsets.US_ASCII);
  private static final int HEAD_BYTES = EVENT.length + TURN_ENDED.length;
  private static final long QUIET_MS = 300;
  private static final int TEXT = 1;
  private static final int PING = 9;

  private final Selector selector = Selector.open();
  private final List<SocketChannel> channels = new ArrayList<>();
  private final AtomicLong frames = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();
  private final AtomicLong turnsEnded = new AtomicLong();
  private final AtomicLong joined = new AtomicLong();
  private volatile boolean closed;

  Viewers() throws IOException {
    Thread.ofPlatform().daemon().name("viewers").start(this::read);
  }

  /**
   * Opens a WebSocket and reads it from now on.
   *
   * @param first what to send at once, or {@code null}
   * @param listener given every text frame, or {@code null}
   */
  SocketChannel open(int port, String first, Consumer<byte[]> listener) throws IOException {
    SocketChannel channel = connect(port, first, 0);
    channel.configureBlocking(false);
    selector.wakeup();
    channel.register(selector, SelectionKey.OP_READ, new Connection(channel, listener));
    channels.add(channel);
    return channel;
  }

  /** Opens a WebSocket that is never read after its opening. */
  void openStalled(int port, String first) throws IOException {
    channels.add(connect(port, first, 4096));
  }

  private static SocketChannel connect(int port, String first, int receiveBuffer) throws IOException {
    SocketChannel channel = SocketChannel.open();
    if (receiveBuffer > 0) {
      channel.setOption(StandardSocketOptions.SO_RCVBUF, receiveBuffer);
    }
    channel.connect(new InetSocketAddress("127.0.0.1", port));
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    channel.write(ByteBuffer.wrap(("GET /ws HTTP/1.1\r\nHost: 127.0.0.1:" + port + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").getBytes(StandardCharsets.US_ASCII)));
    StringBuilder head = new StringBuilder();
    ByteBuffer one = ByteBuffer.allocate(1);
    while (head.indexOf("\r\n\r\n") < 0) {
      one.clear();
      if (channel.read(one) < 0) {
        throw new IOException("refused: " + head);
      }
      head.append((char) one.get(0));
    }
    if (!head.toString().startsWith("HTTP/1.1 101")) {
      throw new IOException("refused: " + head);
    }
    if (first != null) {
      send(channel, first);
    }
    return channel;
  }

  /** Sends a text of up to 64 KiB, masked with zeros. */
  static void send(SocketChannel channel, String text) throws IOException {
    byte[] payload = text.getBytes(StandardCharsets.UTF_8);
    ByteBuffer frame = ByteBuffer.allocate(payload.length + 8);
    frame.put((byte) 0x81);
    if (payload.length < 126) {
      frame.put((byte) (0x80 | payload.length));
    } else {
      frame.put((byte) (0x80 | 126)).putShort((short) payload.length);
    }
    frame.putInt(0).put(payload).flip();
    channel.write(frame);
  }

  long frames() {
    return frames.get();
  }

  long bytes() {
    return bytes.get();
  }

  /** How many times a viewer was told that a turn has ended. */
  long turnsEnded() {
    return turnsEnded.get();
  }

  /** How many times a viewer was given its place in a session, at first and whenever it had fallen too far behind. */
  long joined() {
    return joined.get();
  }

  /** Waits until nothing comes any more. */
  void settle() throws InterruptedException {
    long before;
    do {
      before = bytes.get();
      Thread.sleep(QUIET_MS);
    } while (bytes.get() != before);
  }

  private void read() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(256 * 1024);
    try {
      while (!closed) {
        selector.select(100);
        for (SelectionKey key : selector.selectedKeys()) {
          Connection connection = (Connection) key.attachment();
          buffer.clear();
          int count = connection.channel.read(buffer);
          if (count < 0) {
            key.cancel();
            System.err.println("A viewer was sent away by the server; the figure that follows is not to be trusted.");
          } else {
            bytes.addAndGet(count);
            connection.take(buffer.flip());
          }
        }
        selector.selectedKeys().clear();
      }
    } catch (IOException | ClosedSelectorException e) {
      if (!closed) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Override
  public void close() throws IOException {
    closed = true;
    for (SocketChannel channel : channels) {
      channel.close();
    }
    selector.close();
  }

  /** Where one connection is in its frames. */
  private final class Connection {

    private final SocketChannel channel;
    private final Consumer<byte[]> listener;
    private final byte[] header = new byte[10];
    private int headerBytes;
    private long left;
    private int opcode;
    private final byte[] head = new byte[HEAD_BYTES];
    private int headBytes;
    private final ByteArrayOutputStream text = new ByteArrayOutputStream();

    Connection(SocketChannel channel, Consumer<byte[]> listener) {
      this.channel = channel;
      this.listener = listener;
    }

    void take(ByteBuffer in) throws IOException {
      while (in.hasRemaining() || left == 0 && headerBytes == -1) {
        if (headerBytes >= 0) {
          header[headerBytes++] = in.get();
          if (headerBytes == headerLength()) {
            begin();
          }
        } else {
          payload(in);
        }
      }
    }

    private int headerLength() {
      int length = headerBytes < 2 ? 0 : header[1] & 0x7f;
      return headerBytes < 2 ? 2 : length == 126 ? 4 : length == 127 ? 10 : 2;
    }

    private void begin() {
      ByteBuffer view = ByteBuffer.wrap(header);
      int length = header[1] & 0x7f;
      left = length == 126 ? view.getShort(2) & 0xffff : length == 127 ? view.getLong(2) : length;
      opcode = (header[0] & 0x0f) == 0 ? opcode : header[0] & 0x0f;
      headBytes = (header[0] & 0x0f) == 0 ? headBytes : 0;
      headerBytes = -1;
    }

    private void payload(ByteBuffer in) throws IOException {
      int count = (int) Math.min(left, in.remaining());
      int ofHead = Math.min(count, HEAD_BYTES - headBytes);
      in.get(in.position(), head, headBytes, ofHead);
      headBytes += ofHead;
      if (listener != null && opcode == TEXT) {
        byte[] part = new byte[count];
        in.get(in.position(), part);
        text.write(part);
      }
      in.position(in.position() + count);
      left -= count;
      if (left == 0) {
        end();
      }
    }

    private void end() throws IOException {
      headerBytes = 0;
      if (opcode == PING) {
        channel.write(ByteBuffer.wrap(new byte[] {(byte) 0x8a, (byte) 0x80, 0, 0, 0, 0}));
      } else if ((header[0] & 0x80) != 0) {
        if (listener != null) {
          listener.accept(text.toByteArray());
          text.reset();
        }
        if (is(TURN_ENDED)) {
          turnsEnded.incrementAndGet();
        } else if (is(JOINED)) {
          joined.incrementAndGet();
        }
        frames.incrementAndGet();
      }
    }

    private boolean is(byte[] event) {
      int end = EVENT.length + event.length;
      return headBytes >= end && Arrays.equals(head, EVENT.length, end, event, 0, event.length);
    }
  }
}
