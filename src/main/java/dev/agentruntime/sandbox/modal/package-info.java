/**
 * Sandboxes on Modal. Modal has no Java SDK, so this is a client of the gRPC API that its own SDKs use, with a small proto of our own
 * ({@code src/main/proto}): the control plane, one for all sandboxes, and the command router on the worker of each sandbox. Modal does not
 * call this API public. It was tried against a fake of the service that Modal's own SDK accepts, never against Modal's cloud.
 */
package dev.agentruntime.sandbox.modal;
