#include "services/node/applied_state.h"

namespace synod::node {

std::shared_ptr<const kv::ReadView> AppliedState::View() const {
  struct Held {
    std::shared_ptr<State> state;
    std::shared_ptr<const kv::ReadView> view;  // goes first: it pins files of the engine
  };
  std::shared_ptr<State> state = Get();
  std::shared_ptr<const kv::ReadView> view = state->machine->View();
  const kv::ReadView* shown = view.get();
  return {std::make_shared<Held>(Held{std::move(state), std::move(view)}), shown};
}

}  // namespace synod::node
