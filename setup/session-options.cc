// Linked into the binding in the place of TensorFlow's own function of that purpose (FLAGS in binding.mjs), which takes no settings from outside.
#undef TF_NewSessionOptions
#include "tensorflow/c/c_api.h"

// Options of every session that the binding opens: TensorFlow's graph rewriter is off. It takes up to half of the time until a program is ready,
// finds little in a graph that was traced with equal nodes shared, and merges sums into an op that XLA does not know.
extern "C" TF_SessionOptions* bliss_NewSessionOptions(void) {
  // ConfigProto { graph_options (10) { rewrite_options (10) { disable_meta_optimizer (19): true } } }
  static const unsigned char config[] = {0x52, 0x05, 0x52, 0x03, 0x98, 0x01, 0x01};
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Status* status = TF_NewStatus();
  TF_SetConfig(options, config, sizeof(config), status);
  TF_DeleteStatus(status);
  return options;
}
