/* Starts TensorFlow's own profiler server in the process that loads this library. Its C API has no call for it, so the method is found by
   its mangled name; the object is a few pointers, zeroed, and lives as long as the process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

static char server[4096] __attribute__((aligned(64)));

__attribute__((constructor)) static void start(void) {
  void *tensorflow = dlopen("libtensorflow_cc.so.2", RTLD_NOW | RTLD_NOLOAD);
  if (tensorflow == NULL) return;
  void (*method)(void *, int) = (void (*)(void *, int))dlsym(tensorflow, "_ZN3tsl8profiler14ProfilerServer19StartProfilerServerEi");
  const char *port = getenv("BLISS_PROFILER_PORT");
  if (method != NULL && port != NULL) method(server, atoi(port));
}
