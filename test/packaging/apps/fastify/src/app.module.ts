import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import { DurableClient, DurableModule, Step, Workflow } from 'nest-durable';

@Workflow({ name: 'greet' })
export class GreetWorkflow {
  @Step()
  greet(data: { name: string }) {
    return { ...data, greeting: `hello ${data.name}` };
  }
}

@Controller('greetings')
export class GreetingsController {
  constructor(private readonly durable: DurableClient) {}

  @Post()
  async create(@Body() input: { name: string }) {
    const { id } = await this.durable.start(GreetWorkflow, input);
    return { id };
  }

  @Get(':id')
  async look(@Param('id') id: string) {
    return this.durable.handle(id).result();
  }
}

@Module({ imports: [DurableModule.forRoot()], controllers: [GreetingsController], providers: [GreetWorkflow] })
export class AppModule {}
