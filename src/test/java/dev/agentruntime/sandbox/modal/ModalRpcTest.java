package dev.agentruntime.sandbox.modal;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import com.google.protobuf.UnknownFieldSet;
import dev.agentruntime.sandbox.modal.proto.ClientProto;
import dev.agentruntime.sandbox.modal.proto.SandboxWaitResponse;
import dev.agentruntime.sandbox.modal.proto.TaskCommandRouterProto;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ModalRpcTest {

  @Test
  void everyCallIsOneOfTheServicesWithItsMessages() throws IllegalAccessException {
    List<String> calls = new ArrayList<>();
    for (Field field : ModalRpc.class.getFields()) {
      if (field.get(null) instanceof ModalRpc<?, ?> rpc) {
        MethodDescriptor method = service(rpc).findMethodByName(rpc.name());
        assertThat(method).as(rpc.name()).isNotNull();
        assertThat(rpc.service().fullyQualifiedName()).isEqualTo(method.getService().getFullName());
        assertThat(rpc.question().getDescriptorForType()).isEqualTo(method.getInputType());
        assertThat(rpc.answer().getDescriptorForType()).isEqualTo(method.getOutputType());
        calls.add(rpc.name());
      }
    }
    List<String> declared = new ArrayList<>();
    services().forEach(service -> service.getMethods().forEach(method -> declared.add(method.getName())));
    assertThat(calls).containsExactlyInAnyOrderElementsOf(declared);
  }

  @Test
  void aFieldThatANewerServiceSendsIsPassedOver() throws Exception {
    byte[] newer = SandboxWaitResponse.newBuilder().setUnknownFields(UnknownFieldSet.newBuilder()
        .addField(77, UnknownFieldSet.Field.newBuilder().addVarint(1).build()).build()).build().toByteArray();
    SandboxWaitResponse decoded = ModalRpc.SANDBOX_WAIT.decode(CodedInputStream.newInstance(newer));
    assertThat(decoded.hasResult()).isFalse();
    assertThat(decoded.getUnknownFields().hasField(77)).isTrue();
  }

  private static ServiceDescriptor service(ModalRpc<?, ?> rpc) {
    return services().stream().filter(each -> each.getFullName().equals(rpc.service().fullyQualifiedName())).findFirst().orElseThrow();
  }

  private static List<ServiceDescriptor> services() {
    return List.of(ClientProto.getDescriptor().getServices().getFirst(), TaskCommandRouterProto.getDescriptor().getServices().getFirst());
  }
}
