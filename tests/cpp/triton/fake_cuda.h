// What clients bring along: POSIX shared memory objects, which are also the device memory of the
// fake CUDA runtime that the build makes (tests/backends/fake_cudart.c).
#pragma once

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "triton/core_fixture.h"
#include "triton/types.h"

namespace tfe::testing {

// An object of its own name, unlinked when it goes.
class ShmObject {
 public:
  explicit ShmObject(std::size_t size) : size_(size) {
    static int count = 0;
    key_ = "/tfe_test_" + std::to_string(::getpid()) + "_" + std::to_string(count++);
    fd_ = base::UniqueFd(::shm_open(key_.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
    if (!fd_) throw std::runtime_error("cannot create " + key_);
    resize(size);
    void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (pages == MAP_FAILED) throw std::runtime_error("cannot map " + key_);
    data_ = static_cast<char*>(pages);
  }
  ShmObject(const ShmObject&) = delete;
  ShmObject& operator=(const ShmObject&) = delete;
  ~ShmObject() {
    ::munmap(data_, size_);
    ::shm_unlink(key_.c_str());
  }

  const std::string& key() const { return key_; }
  void put(std::size_t offset, const std::string& bytes) {
    std::memcpy(data_ + offset, bytes.data(), bytes.size());
  }
  std::string get(std::size_t offset, std::size_t size) const { return {data_ + offset, size}; }
  void resize(std::size_t size) {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      throw std::runtime_error("cannot resize " + key_);
    }
  }

  // As device memory.
  triton::CudaIpcHandle handle() const { return handle_of(key_); }
  static triton::CudaIpcHandle handle_of(const std::string& text) {
    triton::CudaIpcHandle handle{};
    std::ranges::copy(base::as_bytes(text), handle.begin());
    return handle;
  }

 private:
  std::string key_;
  std::size_t size_;
  base::UniqueFd fd_;
  char* data_ = nullptr;
};

inline std::string fake_cuda_path() {
  return require_env("TRITONFRONTEND_TEST_BACKENDS") + "/fake_cuda/libcudart.so.12";
}

// The fake, loaded into this process: from now on it is what triton::CudaRuntime::find() finds.
class FakeCuda {
 public:
  FakeCuda() : library_(::dlopen(fake_cuda_path().c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!library_) throw std::runtime_error("cannot load the fake CUDA runtime");
  }
  int open_mappings() const { return call<int()>("fakeCudaMappings")(); }
  int device() const {
    int device = -1;
    call<int(int*)>("cudaGetDevice")(&device);
    return device;
  }
  int last_error() const { return call<int()>("cudaGetLastError")(); }

 private:
  template <typename F>
  F* call(const char* name) const {
    return reinterpret_cast<F*>(::dlsym(library_, name));
  }

  void* library_;
};

}  // namespace tfe::testing
