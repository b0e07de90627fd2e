#include "bindings/task.h"

#include <exception>
#include <memory>

#include "prompt-scope.h"

namespace vserve {

Napi::Error to_js_error(Napi::Env env, const std::string & code, const std::string & message, int image) {
    Napi::Error error = Napi::Error::New(env, message);
    error.Set("code", Napi::String::New(env, code));
    if (image >= 0) {
        error.Set("image", Napi::Number::New(env, image));
    }
    return error;
}

class Task::OnPool : public Napi::AsyncWorker {
  public:
    OnPool(Napi::Env env, std::unique_ptr<Task> task) : Napi::AsyncWorker(env), task_(std::move(task)) {}
    void Execute() override { task_->execute(); }
    void OnOK() override { task_->settle(Env()); }

  private:
    std::unique_ptr<Task> task_;
};

Napi::Promise Task::run(Napi::Env env, std::function<void()> work, Settle result) {
    auto task = std::unique_ptr<Task>(new Task(env, std::move(work), std::move(result)));
    const auto promise = task->deferred_.Promise();
    (new OnPool(env, std::move(task)))->Queue();  // deletes itself
    return promise;
}

Napi::Promise Task::run_on(PromptThreads & threads, size_t bytes, Napi::Env env, std::function<void()> work,
                           Settle result) {
    const auto task = std::shared_ptr<Task>(new Task(env, std::move(work), std::move(result)));
    auto back = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo &) {}),
                                              "vserve prompt", 0, 1);
    threads.run(bytes, [task, back]() mutable {
        task->execute();
        if (back.NonBlockingCall([task](Napi::Env env, Napi::Function) { task->settle(env); }) != napi_ok) {
            new std::shared_ptr<Task>(task);  // the process is exiting: leak JavaScript's values, which this thread must not free
        }
        back.Release();
    });
    return task->deferred_.Promise();
}

void Task::execute() {
    try {
        work_();
    } catch (const Cancelled &) {
        error_ = EngineError("request_cancelled", "The request was cancelled while its prompt was built.");
    } catch (...) {
        error_ = engine_error_of(std::current_exception());
    }
    work_ = nullptr;
}

void Task::settle(Napi::Env env) {
    Napi::HandleScope scope(env);
    if (error_) {
        deferred_.Reject(to_js_error(env, error_->code, error_->what(), error_->image).Value());
    } else {
        deferred_.Resolve(result_(env));
    }
    result_ = nullptr;
}

}  // namespace vserve
