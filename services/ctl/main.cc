#include "services/ctl/program.h"

int main(int argc, char** argv) {
  return synod::ctl::Run(argc, argv);
}
