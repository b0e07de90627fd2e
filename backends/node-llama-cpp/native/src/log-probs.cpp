#include "log-probs.h"

#include <cmath>

namespace vserve {

TokenReport report_on(const float * logits, int32_t size, llama_token chosen, int32_t likeliest) {
    LogitsRow row;
    row.read(logits, size);
    TokenReport report{row.greatest() + std::log(row.total_weight(1)), {chosen, logits[chosen], ""}, {}};
    for (const auto & [token, logit] : row.likeliest(likeliest)) {
        report.likeliest.push_back({token, logit, ""});
    }
    return report;
}

std::vector<TokenReport> HeldReports::take_shown(size_t shown) {
    std::vector<TokenReport> reports;
    while (!held_.empty()) {
        auto & [begin, report] = held_.front();
        const bool is_empty = report.chosen.bytes.empty();
        if (begin > shown || (begin == shown && !is_empty)) {
            break;
        }
        reports.push_back(std::move(report));
        held_.pop_front();
    }
    return reports;
}

}  // namespace vserve
