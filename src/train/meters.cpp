#include "cairn/train/meters.h"

#include <string>
#include <utility>

#include "train/tally.h"

namespace cairn::train {

nn::MeterReport measure(nn::Layer& model, const data::DataLoader& loader, const Loss& loss) {
  nn::Meter meter(model);
  for (const auto& [x, y] : loader.epoch(0))
    meter.add(x, [&loss, &y = y](const Tensor& outputs) { return batch_loss(loss, outputs, y); });
  return meter.report();
}

std::function<bool(const EpochResult&)> log_meters(nn::Layer& model, const data::DataLoader& loader,
                                                   LogMetersOptions options) {
  require<ValueError>(options.every >= 1, "log_meters", "needs at least one epoch between two tables",
                      given("every", options.every));
  require<ValueError>(options.stream != nullptr, "log_meters", "the stream is null");
  return [&model, &loader, options = std::move(options), first = true](const EpochResult& r) mutable {
    if ((r.epoch + 1) % options.every != 0) return true;
    const std::string table = nn::to_string(measure(model, loader, options.loss), first);  // one legend is enough
    std::fprintf(options.stream, "after epoch %d\n%s\n", static_cast<int>(r.epoch + 1), table.c_str());
    std::fflush(options.stream);
    first = false;
    return true;
  };
}

}  // namespace cairn::train
