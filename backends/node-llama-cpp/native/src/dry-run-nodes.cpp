#include "dry-run-nodes.h"

#include <cstring>
#include <iterator>

namespace vserve {

namespace {

bool is_product(const ggml_tensor & node) {
    return node.op == GGML_OP_MUL_MAT || node.op == GGML_OP_MUL_MAT_ID || node.op == GGML_OP_FLASH_ATTN_EXT ||
           node.op == GGML_OP_CONV_2D;
}

void become_zeros(ggml_tensor * node, int thread, int, void *) {
    if (thread == 0) {
        std::memset(node->data, 0, ggml_nbytes(node));
    }
}

}  // namespace

bool leave_out_products(ggml_tensor * node, bool ask, void *) {
    if (ask && is_product(*node)) {
        // How a node says what its operation is, is ggml's own affair: so the operation of a node that ggml made is copied.
        struct ggml_init_params params = {ggml_tensor_overhead(), nullptr, true};
        ggml_context * context = ggml_init(params);
        const ggml_tensor * custom =
            ggml_custom_4d(context, GGML_TYPE_F32, 1, 1, 1, 1, node->src, 1, become_zeros, 1, nullptr);
        node->op = custom->op;
        std::memcpy(node->op_params, custom->op_params, sizeof(node->op_params));
        ggml_free(context);
    }
    return !ask;
}

void FirstOfEach::look_at(ggml_tensor * node) {
    if (node->op == GGML_OP_GET_ROWS && (node->src[1]->flags & GGML_TENSOR_FLAG_INPUT) != 0) {
        return;
    }
    std::vector<int32_t> operation{node->op};
    operation.insert(operation.end(), std::begin(node->op_params), std::end(node->op_params));
    if (is_product(*node) || node->op == GGML_OP_GET_ROWS || !seen_.insert(std::move(operation)).second) {
        node->op = GGML_OP_NONE;
    }
}

}  // namespace vserve
