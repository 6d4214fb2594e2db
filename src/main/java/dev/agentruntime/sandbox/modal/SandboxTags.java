package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxProvider.SandboxInfo;
import dev.agentruntime.sandbox.SandboxSpec;
import dev.agentruntime.sandbox.modal.proto.SandboxListRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxTag;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;

/** By what a sandbox is known: the runtime, the session, the session's owner, the attempt that made it. */
final class SandboxTags {

  private static final String RUNTIME = "agent-runtime";
  private static final String SESSION = "agent-runtime-session";
  private static final String OWNER = "agent-runtime-owner";
  private static final String CREATION = "agent-runtime-creation";

  private final ModalClient client;
  private final ModalAccount account;
  private final SandboxTag runtime;

  SandboxTags(ModalClient client, ModalAccount account, String runtimeId) {
    this.client = client;
    this.account = account;
    this.runtime = tag(RUNTIME, runtimeId);
  }

  List<SandboxTag> of(SandboxSpec spec) {
    List<SandboxTag> tags = new ArrayList<>(List.of(runtime, tag(SESSION, spec.sessionId())));
    tags.addAll(creation(spec));
    if (!spec.owner().isEmpty()) {
      tags.add(tag(OWNER, spec.owner()));
    }
    return tags;
  }

  List<SandboxTag> creation(SandboxSpec spec) {
    return spec.creationId().isEmpty() ? List.of() : List.of(tag(CREATION, spec.creationId()));
  }

  /** This runtime's sandboxes that have not ended. @param also what else they have to be marked with */
  Future<List<SandboxInfo>> find(List<SandboxTag> also) {
    return account.appId().compose(appId -> page(SandboxListRequest.newBuilder().setAppId(appId).addTags(runtime).addAllTags(also),
        new ArrayList<>()));
  }

  /** Page by page, back in time, until there is none. */
  private Future<List<SandboxInfo>> page(SandboxListRequest.Builder question, List<SandboxInfo> found) {
    return client.call(ModalRpc.SANDBOX_LIST, question.build()).compose(answer -> {
      if (answer.getSandboxesCount() == 0) {
        return Future.succeededFuture(found);
      }
      answer.getSandboxesList().forEach(sandbox -> found.add(new SandboxInfo(sandbox.getId(), value(sandbox.getTagsList(), SESSION),
          Math.round(sandbox.getCreatedAt() * 1000), value(sandbox.getTagsList(), CREATION))));
      return page(question.setBeforeTimestamp(answer.getSandboxes(answer.getSandboxesCount() - 1).getCreatedAt()), found);
    });
  }

  private static String value(List<SandboxTag> tags, String name) {
    return tags.stream().filter(tag -> tag.getTagName().equals(name)).map(SandboxTag::getTagValue).findFirst().orElse("");
  }

  private static SandboxTag tag(String name, String value) {
    return SandboxTag.newBuilder().setTagName(name).setTagValue(value).build();
  }
}
