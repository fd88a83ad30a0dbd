/* A stand-in for libnvidia-ml.so.1: as much of NVML as the supervisor uses.
 *
 * The machine is a text file named by FAKE_NVML, read again at every call, so a test changes it
 * live. One line per GPU: "gpu UUID NAME PCI MIG(0|1) LOST(0..3)", where LOST is 1: not listed by
 * UUID any more, 2: listed, but every value says that it is lost, 3: the driver fails for another
 * reason. Then "mig UUID GI CI" lines that belong to it; "mem UUID USED TOTAL" in MiB (default 3
 * GiB of 80); "xid UUID NUMBER" is an event that comes once per line; "hang" makes every call sleep
 * for ever.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX 16
enum {
  OK = 0,
  INVALID = 2,
  UNSUPPORTED = 3,
  NOT_FOUND = 6,
  TIMEOUT = 10,
  LOST = 15,
  UNKNOWN = 999
};

typedef struct {
  char uuid[96], name[96], pci[32];
  int mig, lost, parent, gi, ci, is_mig;
  unsigned long long used, mib;
} Entry;

typedef struct {
  char uuid[96];
  unsigned long long number;
} Xid;

static _Thread_local Entry entries[MAX];
static _Thread_local int total;
static _Thread_local Xid xids[MAX];
static _Thread_local int xid_count;

static void load(void) {
  char line[256];
  const char* path = getenv("FAKE_NVML");
  FILE* file = path ? fopen(path, "r") : NULL;
  int gpu = -1;
  total = xid_count = 0;
  while (file && total < MAX && fgets(line, sizeof line, file)) {
    Entry* e = &entries[total];
    memset(e, 0, sizeof *e);
    e->used = 3 << 10, e->mib = 80 << 10;
    if (strncmp(line, "hang", 4) == 0) {
      for (;;) pause();
    } else if (sscanf(line, "gpu %95s %95s %31s %d %d", e->uuid, e->name, e->pci, &e->mig,
                      &e->lost) == 5) {
      gpu = total++;
    } else if (sscanf(line, "mig %95s %d %d", e->uuid, &e->gi, &e->ci) == 3) {
      e->is_mig = 1;
      e->parent = gpu;
      strcpy(e->name, "MIG 1g.10gb");
      total++;
    } else if (sscanf(line, "mem %95s %llu %llu", e->uuid, &e->used, &e->mib) == 3) {
      for (int i = 0; i < total; i++) {
        if (strcmp(entries[i].uuid, e->uuid) == 0) {
          entries[i].used = e->used, entries[i].mib = e->mib;
        }
      }
    } else if (xid_count < MAX &&
               sscanf(line, "xid %95s %llu", xids[xid_count].uuid, &xids[xid_count].number) == 2) {
      xid_count++;
    }
  }
  if (file) fclose(file);
}

/* A handle is the entry's number + 1. */
static Entry* get(void* handle) {
  load();
  return &entries[(long)handle - 1];
}

int nvmlInitWithFlags(unsigned flags) {
  (void)flags;
  return OK;
}
int nvmlInit_v2(void) { return OK; }
int nvmlShutdown(void) { return OK; }
const char* nvmlErrorString(int code) { return code == LOST ? "GPU is lost" : "fake error"; }

int nvmlDeviceGetCount_v2(unsigned* count) {
  load();
  *count = 0;
  for (int i = 0; i < total; i++) *count += !entries[i].is_mig;
  return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** handle) {
  load();
  for (int i = 0; i < total; i++) {
    if (!entries[i].is_mig && index-- == 0) {
      *handle = (void*)(long)(i + 1);
      return entries[i].lost ? LOST : OK;
    }
  }
  return NOT_FOUND;
}

int nvmlDeviceGetHandleByUUID(const char* uuid, void** handle) {
  load();
  for (int i = 0; i < total; i++) {
    if (strcmp(entries[i].uuid, uuid) == 0 && entries[i].lost == 3) return UNKNOWN;
    if (strcmp(entries[i].uuid, uuid) == 0 && entries[i].lost != 1) {
      *handle = (void*)(long)(i + 1);
      return OK;
    }
  }
  return NOT_FOUND;
}

int nvmlDeviceGetUUID(void* handle, char* text, unsigned size) {
  snprintf(text, size, "%s", get(handle)->uuid);
  return OK;
}

int nvmlDeviceGetName(void* handle, char* text, unsigned size) {
  snprintf(text, size, "%s", get(handle)->name);
  return OK;
}

typedef struct {
  char legacy[16];
  unsigned domain, bus, device, ids, subsystem;
  char id[32];
} PciInfo;

int nvmlDeviceGetPciInfo_v3(void* handle, PciInfo* info) {
  memset(info, 0, sizeof *info);
  snprintf(info->id, sizeof info->id, "%s", get(handle)->pci);
  return OK;
}

int nvmlDeviceGetMigMode(void* handle, unsigned* current, unsigned* pending) {
  *current = *pending = (unsigned)get(handle)->mig;
  return *current ? OK : UNSUPPORTED;
}

int nvmlDeviceGetMaxMigDeviceCount(void* handle, unsigned* count) {
  (void)handle;
  *count = 7;
  return OK;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void* handle, unsigned index, void** mig) {
  load();
  for (int i = 0; i < total; i++) {
    if (entries[i].is_mig && entries[i].parent == (long)handle - 1 && index-- == 0) {
      *mig = (void*)(long)(i + 1);
      return OK;
    }
  }
  return NOT_FOUND;
}

int nvmlDeviceGetGpuInstanceId(void* handle, unsigned* id) {
  *id = (unsigned)get(handle)->gi;
  return OK;
}

int nvmlDeviceGetComputeInstanceId(void* handle, unsigned* id) {
  *id = (unsigned)get(handle)->ci;
  return OK;
}

typedef struct {
  unsigned long long total, free, used;
} Memory;

int nvmlDeviceGetMemoryInfo(void* handle, Memory* memory) {
  const Entry* e = get(handle);
  if (e->lost) return LOST;
  memory->total = e->mib << 20;
  memory->used = e->used << 20;
  memory->free = memory->total - memory->used;
  return OK;
}

typedef struct {
  unsigned gpu, memory;
} Utilization;

int nvmlDeviceGetUtilizationRates(void* handle, Utilization* rates) {
  if (get(handle)->is_mig) return UNSUPPORTED;
  rates->gpu = 42;
  rates->memory = 7;
  return OK;
}

int nvmlDeviceGetTemperature(void* handle, int sensor, unsigned* degrees) {
  (void)handle, (void)sensor;
  *degrees = 55;
  return OK;
}

int nvmlDeviceGetPowerUsage(void* handle, unsigned* milliwatts) {
  (void)handle;
  *milliwatts = 250500;
  return OK;
}

/* Events: the lines "xid" that no earlier wait has told. */
typedef struct {
  void* device;
  unsigned long long type, data;
  unsigned gi, ci;
} EventData;

int nvmlEventSetCreate(void** set) {
  *set = &total;
  return OK;
}

int nvmlDeviceRegisterEvents(void* handle, unsigned long long types, void* set) {
  (void)handle, (void)types, (void)set;
  return OK;
}

int nvmlEventSetWait_v2(void* set, EventData* event, unsigned milliseconds) {
  static int told;
  (void)set;
  for (unsigned waited = 0; waited < milliseconds; waited += 20) {
    load();
    while (told < xid_count) {
      const Xid* xid = &xids[told++];
      for (int i = 0; i < total; i++) {
        if (strcmp(entries[i].uuid, xid->uuid) == 0) {
          memset(event, 0, sizeof *event);
          event->device = (void*)(long)(i + 1);
          event->type = 8;
          event->data = xid->number;
          return OK;
        }
      }
    }
    usleep(20000);
  }
  return TIMEOUT;
}

/* The little of libcuda.so.1 that the worker's checks use. FAKE_CUDA_UUID: 32 hex digits;
 * FAKE_CUDA_ERROR: what every call in the context gives, none if nobody has made one. */
int cuInit(unsigned flags) {
  (void)flags;
  return OK;
}

int cuDeviceGetCount(int* count) {
  *count = getenv("FAKE_CUDA_UUID") != NULL;
  return OK;
}

int cuDeviceGetUuid_v2(unsigned char* uuid, int device) {
  const char* text = getenv("FAKE_CUDA_UUID");
  (void)device;
  for (int i = 0; i < 16; i++) sscanf(text + 2 * i, "%2hhx", uuid + i);
  return OK;
}

int cuDevicePrimaryCtxGetState(int device, unsigned* flags, int* active) {
  (void)device;
  *flags = 0;
  *active = getenv("FAKE_CUDA_ERROR") != NULL;
  return OK;
}

int cuDevicePrimaryCtxRetain(void** context, int device) {
  (void)device;
  *context = &total;
  return OK;
}

int cuDevicePrimaryCtxRelease_v2(int device) { return device; }
int cuCtxPushCurrent_v2(void* context) { return context == NULL; }
int cuCtxPopCurrent_v2(void** context) { return *context == NULL; }
int cuStreamQuery(void* stream) {
  (void)stream;
  return atoi(getenv("FAKE_CUDA_ERROR"));
}
