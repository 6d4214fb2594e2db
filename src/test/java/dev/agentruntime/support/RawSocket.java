package dev.agentruntime.support;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A TCP connection on which a test says what it likes: whole or half HTTP, good or bad WebSocket frames, or nothing at all. */
public final class RawSocket implements AutoCloseable {

  public static final int CONTINUATION = 0;
  public static final int TEXT = 1;
  public static final int BINARY = 2;
  public static final int CLOSE = 8;
  public static final int PING = 9;
  public static final int PONG = 10;

  private static final int PATIENCE_MS = 60_000;

  private final Socket socket = new Socket();
  private final DataInputStream in;
  private final OutputStream out;

  /** A frame of the server's. */
  public record Frame(boolean last, int opcode, byte[] payload) {

    public String text() {
      return new String(payload, StandardCharsets.UTF_8);
    }

    /** Of a {@link #CLOSE}. */
    public int code() {
      return payload.length < 2 ? 1005 : ByteBuffer.wrap(payload).getShort() & 0xffff;
    }
  }

  /** @param receiveBufferBytes how much the kernel takes for who does not read; 0 for its own idea */
  public RawSocket(int port, int receiveBufferBytes) {
    try {
      if (receiveBufferBytes > 0) {
        socket.setReceiveBufferSize(receiveBufferBytes);
      }
      socket.setSoTimeout(PATIENCE_MS);
      socket.connect(new InetSocketAddress("127.0.0.1", port), PATIENCE_MS);
      in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), 4_096));
      out = socket.getOutputStream();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Opens {@code /ws}. @param headers lines, each with CRLF */
  public RawSocket upgrade(String headers) {
    send("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + headers + "\r\n");
    String answer = head();
    if (!answer.startsWith("HTTP/1.1 101")) {
      throw new AssertionError(answer);
    }
    return this;
  }

  public RawSocket send(String text) {
    return send(text.getBytes(StandardCharsets.UTF_8));
  }

  public RawSocket send(byte[] bytes) {
    try {
      out.write(bytes);
      out.flush();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return this;
  }

  public RawSocket frame(boolean last, int opcode, byte[] payload) {
    ByteArrayOutputStream frame = new ByteArrayOutputStream();
    frame.write((last ? 0x80 : 0) | opcode);
    if (payload.length < 126) {
      frame.write(0x80 | payload.length);
    } else if (payload.length < 1 << 16) {
      frame.write(0x80 | 126);
      frame.writeBytes(ByteBuffer.allocate(2).putShort((short) payload.length).array());
    } else {
      frame.write(0x80 | 127);
      frame.writeBytes(ByteBuffer.allocate(8).putLong(payload.length).array());
    }
    byte[] mask = {1, 2, 3, 4};
    frame.writeBytes(mask);
    for (int i = 0; i < payload.length; i++) {
      frame.write(payload[i] ^ mask[i % 4]);
    }
    return send(frame.toByteArray());
  }

  public RawSocket text(String json) {
    return frame(true, TEXT, json.getBytes(StandardCharsets.UTF_8));
  }

  /** The next frame, whatever it is; {@code null} at the end of the connection. */
  public Frame frame() {
    try {
      int first = in.read();
      if (first < 0) {
        return null;
      }
      int length = in.readUnsignedByte();
      int size = length < 126 ? length : length == 126 ? in.readUnsignedShort() : Math.toIntExact(in.readLong());
      return new Frame((first & 0x80) != 0, first & 0xf, in.readNBytes(size));
    } catch (IOException e) {
      return null;
    }
  }

  /** The next text message, put together from its fragments; pings are answered meanwhile. */
  public String message() {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    while (true) {
      Frame frame = frame();
      if (frame == null || frame.opcode() == CLOSE) {
        throw new AssertionError(frame == null ? "the connection was cut" : "closed with " + frame.code());
      }
      if (frame.opcode() == PING) {
        frame(true, PONG, frame.payload());
      } else if (frame.opcode() == TEXT || frame.opcode() == CONTINUATION) {
        text.writeBytes(frame.payload());
        if (frame.last()) {
          return text.toString(StandardCharsets.UTF_8);
        }
      }
    }
  }

  /** The close code, after whatever comes before it; -1 if the connection was cut without one. */
  public int closeCode() {
    for (Frame frame = frame(); frame != null; frame = frame()) {
      if (frame.opcode() == CLOSE) {
        return frame.code();
      }
    }
    return -1;
  }

  /** Status line and headers of an HTTP answer. */
  public String head() {
    StringBuilder head = new StringBuilder();
    try {
      while (!head.toString().endsWith("\r\n\r\n")) {
        int c = in.read();
        if (c < 0) {
          break;
        }
        head.append((char) c);
      }
    } catch (IOException e) {
      head.append(e);
    }
    return head.toString();
  }

  /** The {@code data:} of the next server-sent event. */
  public String eventData() {
    String line = line();
    while (!line.startsWith("data: ")) {
      line = line();
    }
    return line.substring("data: ".length());
  }

  /** The next line. */
  public String line() {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try {
      for (int c = in.read(); c != '\n'; c = in.read()) {
        if (c < 0) {
          throw new AssertionError("the stream has ended");
        }
        line.write(c);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return line.toString(StandardCharsets.UTF_8);
  }

  /** What there is until the server closes. */
  public String rest() {
    return new String(restBytes(), StandardCharsets.UTF_8);
  }

  public byte[] restBytes() {
    try {
      return in.readAllBytes();
    } catch (IOException e) {
      return e.toString().getBytes(StandardCharsets.UTF_8);
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
