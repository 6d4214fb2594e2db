package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.modal.proto.CommandRouterAccess;
import dev.agentruntime.sandbox.modal.proto.SandboxGetCommandRouterAccessRequest;
import io.vertx.core.Future;

/** Where the command router of a sandbox is, and the JWT that it takes. All on the router's event loop. */
public final class RouterAccess {

  private final ModalClient client;
  private final CallScope scope;
  private final Endpoint controlPlane;
  private final String sandboxId;
  private Grant grant;
  private Future<Grant> fetching;

  /** A way to a router, of limited life. */
  public record Grant(String url, String jwt) {

    public static Grant of(CommandRouterAccess access) {
      return new Grant(access.getUrl(), access.getJwt());
    }

    @Override
    public String toString() {
      return "Grant[url=" + url + ", jwt=***]";
    }
  }

  /** @param grant the first; null to ask for it */
  RouterAccess(ModalClient client, CallScope scope, Endpoint controlPlane, String sandboxId, Grant grant) {
    this.client = client;
    this.scope = scope;
    this.controlPlane = controlPlane;
    this.sandboxId = sandboxId;
    this.grant = grant;
  }

  Future<Grant> get() {
    return grant == null ? fetch() : Future.succeededFuture(grant);
  }

  /**
   * Another grant than the one that the router refused. Of many calls that it refused, one asks. (Modal's SDKs keep a JWT that says it is
   * good for another 30 s, so that it is not asked for twice; here the JWT that was refused is known.)
   */
  Future<Grant> another(Grant refused) {
    return grant != null && !grant.equals(refused) ? Future.succeededFuture(grant) : fetch();
  }

  Endpoint endpoint(Grant granted) {
    try {
      return controlPlane.router(granted.url());
    } catch (IllegalArgumentException notOne) {
      throw new SandboxException(SandboxException.Kind.FAILED, "Modal named a worker that cannot be reached", notOne);
    }
  }

  private Future<Grant> fetch() {
    if (fetching == null) {
      Future<Grant> fetched = scope.here(client.call(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS,
              SandboxGetCommandRouterAccessRequest.newBuilder().setSandboxId(sandboxId).build()))
          .map(answer -> new Grant(answer.getUrl(), answer.getJwt()));
      fetching = fetched;
      return fetched.onComplete(result -> {
        fetching = null;
        if (result.succeeded()) {
          grant = result.result();
        }
      });
    }
    return fetching;
  }
}
