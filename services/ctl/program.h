// synodctl: etcdctl's verbs, and Synod's own.
#ifndef SYNOD_SERVICES_CTL_PROGRAM_H_
#define SYNOD_SERVICES_CTL_PROGRAM_H_

#include "services/ctl/exit_code.h"

namespace synod::ctl {

// The whole program: parses, runs one command, prints to stdout and stderr.
ExitCode Run(int argc, const char* const* argv);

}  // namespace synod::ctl

#endif  // SYNOD_SERVICES_CTL_PROGRAM_H_
