package dev.agentruntime.session;

import dev.agentruntime.agent.LaunchPlan;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.sandbox.Sandbox;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The steps of a start, or of finding again what was started: each is awaited within the time that it has, and for as long as the session
 * stays. Belongs to the session's own context.
 */
final class Steps {

  private static final Logger log = LoggerFactory.getLogger(Steps.class);

  private final long timeoutMs;
  /** What is waited for. */
  private Promise<?> step = Promise.promise();
  private boolean stopped;

  /** @param timeoutMs that each step has */
  Steps(long timeoutMs) {
    this.timeoutMs = timeoutMs;
  }

  <T> T await(Future<T> work) {
    check();
    Promise<T> done = Promise.promise();
    step = done;
    work.timeout(timeoutMs, TimeUnit.MILLISECONDS).onSuccess(done::tryComplete).onFailure(done::tryFail);
    T result = Future.await(done.future());
    check();
    return result;
  }

  /** @param late given what comes when it is awaited no more */
  <T> T await(Future<T> work, Consumer<T> late) {
    try {
      return await(work);
    } catch (Exception e) {
      work.onSuccess(late::accept);
      throw e;
    }
  }

  /** Runs what an agent needs before its first start in a sandbox. */
  void setUp(Sandbox sandbox, LaunchPlan.SetupStep step) {
    Sandbox.Completed done = await(sandbox.run(step.command(), step.timeout()));
    if (done.exitCode() != 0) {
      log.warn("{} failed with exit code {}: {}{}", step.description(), done.exitCode(), done.stdout(), done.stderr());
      throw new ApiException(ErrorCode.SANDBOX_FAILED, step.description() + " failed with exit code " + done.exitCode()
          + "; the server's log has the output.");
    }
  }

  /** @throws ApiException if there are to be no more steps */
  void check() {
    if (stopped) {
      throw unloading();
    }
  }

  /** The session goes: none is awaited any more. */
  void stop() {
    stopped = true;
    step.tryFail(unloading());
  }

  boolean stopped() {
    return stopped;
  }

  private static ApiException unloading() {
    return new ApiException(ErrorCode.SANDBOX_FAILED, "The session is being unloaded.");
  }
}
