/* A stand-in for libcudart.so: as much of CUDA as opening device memory of another process takes.
 *
 * "Device" memory is a POSIX shared memory object. Its IPC handle is 64 bytes of text: the object's
 * name, filled up with NULs. There are two devices. A handle that begins with "stuck" is opened as
 * a page of ordinary memory and cannot be closed.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OK = 0, INVALID_VALUE = 1, INVALID_DEVICE = 101, INVALID_HANDLE = 400 };
enum { DEVICES = 2, MAPPINGS = 64, PAGE = 4096 };

typedef struct {
  char bytes[64];
} Handle;

typedef struct {
  void* pointer;
  size_t size;
  int device, stuck;
} Mapping;

#define EXPORT __attribute__((visibility("default")))

static Mapping mappings[MAPPINGS];
static int open_count;
static _Thread_local int current, last_error;

static int result(int error) {
  if (error != OK) last_error = error;
  return error;
}

/* How many mappings are open, for tests. */
EXPORT int fakeCudaMappings(void) { return open_count; }

EXPORT int cudaGetDevice(int* device) {
  *device = current;
  return OK;
}

EXPORT int cudaSetDevice(int device) {
  if (device < 0 || device >= DEVICES) return result(INVALID_DEVICE);
  current = device;
  return OK;
}

EXPORT int cudaGetLastError(void) {
  const int error = last_error;
  last_error = OK;
  return error;
}

EXPORT const char* cudaGetErrorString(int error) {
  switch (error) {
    case INVALID_DEVICE:
      return "invalid device ordinal";
    case INVALID_HANDLE:
      return "invalid resource handle";
    default:
      return "invalid argument";
  }
}

static void* map(const char* name, size_t* size) {
  struct stat info;
  void* pointer = MAP_FAILED;
  const int fd = shm_open(name, O_RDWR, 0);
  if (fd < 0) return NULL;
  if (fstat(fd, &info) == 0 && info.st_size > 0) {
    *size = (size_t)info.st_size;
    pointer = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  close(fd);
  return pointer == MAP_FAILED ? NULL : pointer;
}

EXPORT int cudaIpcOpenMemHandle(void** pointer, Handle handle, unsigned flags) {
  Mapping* free_slot = NULL;
  char name[65];
  if (flags != 1) return result(INVALID_VALUE);
  memcpy(name, handle.bytes, 64);
  name[64] = 0;
  for (int i = 0; i < MAPPINGS && !free_slot; ++i) {
    if (!mappings[i].pointer) free_slot = &mappings[i];
  }
  if (!free_slot) return result(INVALID_VALUE);
  free_slot->stuck = strncmp(name, "stuck", 5) == 0;
  if (free_slot->stuck) {
    free_slot->size = PAGE;
    free_slot->pointer =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  } else {
    free_slot->pointer = map(name, &free_slot->size);
  }
  if (!free_slot->pointer) return result(INVALID_HANDLE);
  free_slot->device = current;
  ++open_count;
  *pointer = free_slot->pointer;
  return OK;
}

static Mapping* find(uintptr_t address) {
  for (int i = 0; i < MAPPINGS; ++i) {
    const uintptr_t begin = (uintptr_t)mappings[i].pointer;
    if (begin && address >= begin && address < begin + mappings[i].size) return &mappings[i];
  }
  return NULL;
}

/* The device must be the one that the memory was opened on. */
EXPORT int cudaIpcCloseMemHandle(void* pointer) {
  Mapping* mapping = find((uintptr_t)pointer);
  if (!mapping || mapping->stuck || mapping->device != current) return result(INVALID_VALUE);
  munmap(mapping->pointer, mapping->size);
  mapping->pointer = NULL;
  --open_count;
  return OK;
}

/* Of the driver. */
EXPORT int cuMemGetAddressRange_v2(uintptr_t* base, size_t* size, uintptr_t pointer) {
  const Mapping* mapping = find(pointer);
  if (!mapping) return INVALID_VALUE;
  *base = (uintptr_t)mapping->pointer;
  *size = mapping->size;
  return OK;
}
