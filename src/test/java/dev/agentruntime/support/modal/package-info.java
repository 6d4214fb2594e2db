/**
 * A fake of Modal's two gRPC services over real sockets, with real processes in real containers of the kernel's making, and with faults that
 * can be asked for: {@link dev.agentruntime.support.modal.FakeModal}. Modal's own SDK accepts it ({@code ModalSdkIT}). What Modal leaves open
 * it decides in the way that is hardest for a client; where that was a choice it is said. Needs Linux with user namespaces, or root.
 */
package dev.agentruntime.support.modal;
