package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxNeeds.Wishes;
import dev.agentruntime.sandbox.SandboxSpec;
import dev.agentruntime.sandbox.modal.proto.GPUConfig;
import dev.agentruntime.sandbox.modal.proto.NetworkAccess;
import dev.agentruntime.sandbox.modal.proto.NetworkAccess.NetworkAccessType;
import dev.agentruntime.sandbox.modal.proto.PortSpecs;
import dev.agentruntime.sandbox.modal.proto.Resources;
import dev.agentruntime.sandbox.modal.proto.Sandbox;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import dev.agentruntime.sandbox.modal.proto.SandboxTag;
import dev.agentruntime.sandbox.modal.proto.SchedulerPlacement;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * What Modal is asked for: by the settings, or else by the profile's wishes. Without an entry point: such a sandbox sleeps until it is ended.
 * No secret is in it; an agent's go to it over its supervisor's input.
 */
final class SandboxRequests {

  private SandboxRequests() {}

  static SandboxCreateV2Request create(String appId, String imageId, ModalSandboxOptions options, SandboxSpec spec, List<SandboxTag> tags) {
    Wishes wishes = spec.needs().wishes();
    Sandbox.Builder sandbox = Sandbox.newBuilder()
        .setImageId(imageId)
        .setResources(Resources.newBuilder().setGpuConfig(GPUConfig.getDefaultInstance())
            .setMilliCpu(or(wishes.milliCpu(), options.milliCpu())).setMemoryMb(or(wishes.memoryMib(), options.memoryMib())))
        .setTimeoutSecs((int) TimeUnit.MILLISECONDS.toSeconds(options.lifetimeMs()))
        .setIdleTimeoutSecs((int) TimeUnit.MILLISECONDS.toSeconds(options.idleTimeoutMs()))
        .setOpenPorts(PortSpecs.getDefaultInstance())
        .setNetworkAccess(network(options, wishes));
    List<String> regions = or(wishes.regions(), options.regions());
    if (!regions.isEmpty()) {
      sandbox.setSchedulerPlacement(SchedulerPlacement.newBuilder().addAllRegions(regions));
    }
    return SandboxCreateV2Request.newBuilder().setAppId(appId).setDefinition(sandbox).addAllTags(tags).build();
  }

  private static NetworkAccess network(ModalSandboxOptions options, Wishes wishes) {
    return switch (or(wishes.network(), options.network())) {
      case "blocked" -> NetworkAccess.newBuilder().setNetworkAccessType(NetworkAccessType.BLOCKED).build();
      case "allowlist" -> NetworkAccess.newBuilder().setNetworkAccessType(NetworkAccessType.ALLOWLIST)
          .addAllAllowedDomains(or(wishes.allowedDomains(), options.allowedDomains()))
          .addAllAllowedCidrs(or(wishes.allowedCidrs(), options.allowedCidrs())).build();
      default -> NetworkAccess.newBuilder().setNetworkAccessType(NetworkAccessType.OPEN).build();
    };
  }

  private static <T> T or(T wish, T setting) {
    return wish == null ? setting : wish;
  }
}
