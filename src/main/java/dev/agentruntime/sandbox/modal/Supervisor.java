package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one long exec of a sandbox, by which all else is done there: a program of ours that starts processes, follows their output, keeps files
 * and watches them. {@link SupervisorScript} is it; this is its other end.
 *
 * <p>An exec keeps Modal from ending a sandbox as idle, so this one ends by itself when it has not heard of us for the time of its lease. When
 * it is lost while the sandbox lives, another is started in its place: what can be asked again is asked again, output goes on at its byte.
 *
 * <p>Called from any thread; everything happens on the router's event loop.
 */
final class Supervisor {

  private static final Logger log = LoggerFactory.getLogger(Supervisor.class);
  private static final long FIRST_RETRY_MS = 100;
  private static final long MOST_RETRY_MS = 10_000;
  private static final int BEATS_PER_LEASE = 3;
  private static final long GOODBYE_MS = 1000;
  /** Of this process, in which all are that have the same term. */
  private static final AtomicLong STARTED = new AtomicLong();

  /** What nobody waits for: it goes with what comes next. */
  private static final Set<String> HAS_TIME = Set.of("watch", "follow", "credit", "unfollow", "beat");

  record Answer(JsonObject header, Buffer body) {}

  /** Told on the router's event loop. */
  interface Listener {
    void event(JsonObject event);

    /** The supervisor is another one than before. */
    void restarted();

    /** It is over. */
    void closed(SandboxException why);
  }

  private final CommandRouter router;
  private final CallScope loop;
  private final Listener listener;
  private final long leaseMs;
  private final long term;
  private final Map<Integer, Request> pending = new LinkedHashMap<>();
  private int lastId;
  private Connection connection;
  private boolean spoken;
  private SandboxException closed;

  private static final class Request {
    private final Supplier<JsonObject> header;
    private final Buffer body;
    private final boolean repeatable;
    private final Consumer<Buffer> output;
    private final Promise<Answer> answer = Promise.promise();
    private boolean sent;

    Request(Supplier<JsonObject> header, Buffer body, boolean repeatable, Consumer<Buffer> output) {
      this.header = header;
      this.body = body;
      this.repeatable = repeatable;
      this.output = output;
    }
  }

  /** @param term as {@link dev.agentruntime.sandbox.SandboxSpec#term} */
  Supervisor(CommandRouter router, Listener listener, long leaseMs, long term) {
    this.router = router;
    this.loop = router.scope();
    this.listener = listener;
    this.leaseMs = leaseMs;
    this.term = term;
  }

  /**
   * Starts it.
   *
   * @param facts of a new sandbox, to be kept in it; {@code null} if it has them
   * @return what it says of the sandbox
   */
  Future<JsonObject> open(JsonObject facts) {
    return loop.run(() -> connect(facts)).onSuccess(v -> loop.run(() -> {
      beat();
      return Future.succeededFuture();
    }));
  }

  /** Asks once; fails if the answer is lost. */
  Future<Answer> askOnce(JsonObject header, Buffer body) {
    return ask(new Request(() -> header, body, false, null), request -> { });
  }

  /** Asks until there is an answer: for what may be done twice. */
  Future<Answer> ask(JsonObject header, Buffer body) {
    return ask(new Request(() -> header, body, true, null), request -> { });
  }

  Future<Answer> ask(JsonObject header) {
    return ask(header, Buffer.buffer());
  }

  /**
   * Asks for something that sends output before it is answered.
   *
   * @param header what to ask, and to ask again of another supervisor
   * @param asked given the question's number, by which {@link #tell} may speak of it
   * @param output given what comes
   */
  Future<Answer> follow(Supplier<JsonObject> header, Consumer<Integer> asked, Consumer<Buffer> output) {
    return ask(new Request(header, Buffer.buffer(), true, output), asked);
  }

  /** Says something that has no answer, if there is anybody to hear it. On the router's event loop. */
  void tell(JsonObject header) {
    if (connection != null) {
      connection.send(0, header, Buffer.buffer());
    }
  }

  /** Gives up a question. On the router's event loop. */
  void forget(int id) {
    pending.remove(id);
  }

  CallScope loop() {
    return loop;
  }

  /** Leaves the sandbox, which ends, without another word. */
  void abandon(SandboxException why) {
    loop.run(() -> {
      leave(why);
      return Future.succeededFuture();
    });
  }

  /** Lets go of the sandbox, which lives on. */
  Future<Void> close(SandboxException why) {
    return loop.run(() -> {
      Future<Void> said = connection == null ? Future.succeededFuture() : connection.sayGoodbye();
      end(why);
      return said.timeout(GOODBYE_MS, TimeUnit.MILLISECONDS).otherwiseEmpty().onComplete(v -> router.close());
    });
  }

  private Future<Answer> ask(Request request, Consumer<Integer> asked) {
    return loop.run(() -> {
      if (closed != null) {
        return Future.failedFuture(closed);
      }
      int id = ++lastId;
      pending.put(id, request);
      asked.accept(id);
      if (connection != null) {
        connection.send(id, request);
      }
      return request.answer.future();
    });
  }

  private Future<JsonObject> connect(JsonObject facts) {
    Connection made = new Connection();
    JsonObject settings = new JsonObject().put("leaseMs", leaseMs).put("base", SandboxImage.BASE).put("facts", facts)
        .put("term", term).put("number", STARTED.incrementAndGet());
    ExecSpec exec = new ExecSpec(made.execId, SupervisorScript.command(settings), SandboxImage.ENVIRONMENT, null, null);
    return router.start(exec).compose(started -> {
      made.read();
      return made.opened.future();
    }).onSuccess(said -> {
      if (closed == null) {
        connection = made;
      }
    });
  }

  private void beat() {
    if (closed != null) {
      return;
    }
    spoken = false;
    loop.delay(leaseMs / BEATS_PER_LEASE).onSuccess(v -> {
      if (!spoken) {
        tell(new JsonObject().put("op", "beat"));
      }
      beat();
    });
  }

  private void broken(Connection lost, Throwable why) {
    lost.opened.tryFail(why);
    if (connection != lost || closed != null) {
      return;
    }
    connection = null;
    lost.reader.stop();
    if (ModalFailure.isGone(why)) {
      leave((SandboxException) why);
    } else {
      log.debug("the supervisor of sandbox {} was lost: {}", router.sandboxId(), why.toString());
      restart(why, 0);
    }
  }

  private void restart(Throwable why, int attempt) {
    if (closed != null) {
      return;
    }
    router.patience().unlessEnded(why).compose(runs -> {
      failWhatMayBeDone(why);
      return connect(null);
    }).onComplete(opened -> {
      if (opened.succeeded()) {
        if (connection != null) {
          log.info("sandbox {} has a new supervisor: {}", router.sandboxId(), why.toString());
          listener.restarted();
          pending.forEach(connection::send);
        }
      } else if (ModalFailure.isGone(opened.cause())) {
        leave((SandboxException) opened.cause());
      } else {
        loop.delay(Math.min(MOST_RETRY_MS, FIRST_RETRY_MS << Math.min(attempt, 10))).onSuccess(v -> restart(opened.cause(), attempt + 1));
      }
    });
  }

  /** What was asked once may have been done. */
  private void failWhatMayBeDone(Throwable why) {
    List.copyOf(pending.entrySet()).forEach(entry -> {
      Request request = entry.getValue();
      if (request.sent && !request.repeatable) {
        pending.remove(entry.getKey());
        request.answer.fail(new SandboxException(Kind.FAILED, "the connection to the sandbox was lost before it had answered", why));
      }
    });
  }

  private void leave(SandboxException why) {
    end(why);
    router.close();
  }

  private void end(SandboxException why) {
    if (closed != null) {
      return;
    }
    closed = why;
    connection = null;
    List<Request> left = List.copyOf(pending.values());
    pending.clear();
    listener.closed(why);
    left.forEach(request -> request.answer.fail(why));
  }

  /** One exec. */
  private final class Connection implements FrameReader.Sink {
    private final String execId = UUID.randomUUID().toString();
    private final Promise<JsonObject> opened = Promise.promise();
    private final FrameReader frames = new FrameReader(this);
    private final SupervisorInput input = new SupervisorInput(router, execId, failure -> broken(this, failure));
    private StdioReader reader;

    void read() {
      reader = router.read(execId, CommandRouter.Stdio.STDOUT, 0, chunk -> {
        frames.take(chunk);
        return Future.succeededFuture();
      });
      loop.here(reader.done()).onComplete(done -> broken(this, done.failed() ? done.cause()
          : new SandboxException(Kind.FAILED, "the supervisor could not be run in the sandbox, whose image has to have Node.js")));
    }

    void send(int id, Request request) {
      request.sent = true;
      send(id, request.header.get(), request.body);
    }

    void send(int id, JsonObject header, Buffer body) {
      spoken = true;
      input.send(header.copy().put("id", id), body, HAS_TIME.contains(header.getString("op")));
    }

    /** Done when it is gone. */
    Future<Void> sayGoodbye() {
      send(0, new JsonObject().put("op", "bye"), Buffer.buffer());
      return loop.here(reader.done());
    }

    @Override
    public void output(int question, Buffer piece) {
      Request request = pending.get(question);
      if (request != null) {
        request.output.accept(piece);
      }
    }

    @Override
    public void message(Buffer header, Buffer body) {
      JsonObject said = header.toJsonObject();
      if (said.containsKey("id")) {
        Request request = pending.remove(said.getInteger("id"));
        if (request != null) {
          answer(request, said, body);
        }
      } else if (said.getString("event").equals("open")) {
        opened.tryComplete(said);
      } else if (said.getString("event").equals("closed")) {
        broken(this, new SandboxException(Kind.GONE, said.getString("message")));
      } else {
        listener.event(said);
      }
    }

    private void answer(Request request, JsonObject said, Buffer body) {
      JsonObject error = said.getJsonObject("error");
      if (error == null) {
        request.answer.complete(new Answer(said, body));
      } else {
        request.answer.fail(new SandboxException(Kind.valueOf(error.getString("kind")), error.getString("message")));
      }
    }
  }
}
