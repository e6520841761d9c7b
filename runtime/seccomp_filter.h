// The seccomp filter of containers: a short deny list that breaks nothing in labs.
//
// As raw BPF, because crun then skips libseccomp, which costs milliseconds per start (pod-runtime.md,
// decision 4). Pure.  Foreign system call ABIs (i386, x32 on x86-64) are refused as a whole.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

namespace minik::runtime {

std::vector<sock_filter> deny_filter();
// For the annotation run.oci.seccomp_bpf_data.
std::string deny_filter_base64();

}  // namespace minik::runtime
